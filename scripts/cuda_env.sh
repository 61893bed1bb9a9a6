# Sourced by build.sh --cuda and gpu_check.sh. Puts torch with CUDA and nvcc from PyPI under build/cuda-env, lays
# their files out as a CUDA toolkit under build/cuda-toolkit, and sets CUDA_CMAKE_ARGS for cmake.
# Versions: those of the machine the binaries are to run on (docs/gpu.md).
torch_version=2.11.0
cuda_version=13.0.88

cuda_env="$PWD/build/cuda-env"
toolkit="$PWD/build/cuda-toolkit"
if [ ! -f "$cuda_env/.torch-$torch_version-cuda-$cuda_version" ]; then
  command -v python3 >/dev/null || { echo "cuda_env: python3 with venv is needed" >&2; exit 1; }
  python3 -m venv "$cuda_env"
  # The 13.0 toolkit's device compiler is spread over four wheels.
  "$cuda_env/bin/pip" install --quiet --disable-pip-version-check "torch==$torch_version" \
    "nvidia-cuda-nvcc==$cuda_version" "nvidia-cuda-crt==$cuda_version" \
    "nvidia-nvvm==$cuda_version" 'nvidia-cuda-cccl==13.0.*'
  touch "$cuda_env/.torch-$torch_version-cuda-$cuda_version"
fi
site=$(echo "$cuda_env"/lib/python3*/site-packages)
wheel_toolkit="$site/nvidia/cu13"

# The wheels hold libcudart.so.13 and the like but not the names a linker looks for, and no lib64.
# nvcc finds the rest beside the path it was called by, so bin is a folder of links, not a link.
mkdir -p "$toolkit/lib64" "$toolkit/bin"
for part in include nvvm; do ln -sfn "$wheel_toolkit/$part" "$toolkit/$part"; done
ln -sfn "$wheel_toolkit"/bin/* "$toolkit/bin/"
ln -sfn lib64 "$toolkit/lib"
for library in "$wheel_toolkit"/lib/*; do
  name=$(basename "$library")
  ln -sfn "$library" "$toolkit/lib64/$name"
  case "$name" in *.so.*) ln -sfn "$library" "$toolkit/lib64/${name%%.so.*}.so" ;; esac
done

export CUDACXX="$toolkit/bin/nvcc"
CUDA_CMAKE_ARGS=(
  "-DCMAKE_PREFIX_PATH=$site/torch/share/cmake"
  "-DCUDA_TOOLKIT_ROOT_DIR=$toolkit" "-DCUDAToolkit_ROOT=$toolkit"
  "-DCMAKE_CUDA_COMPILER=$CUDACXX"
  # Torch sets the flags of device code itself, from its own variable.
  "-DTORCH_CUDA_ARCH_LIST=8.0;9.0"
  # Without this, Debian's CPU libtorch in the linker's default folder is found first.
  "-DTORCH_LIBRARY=$site/torch/lib/libtorch.so"
)
