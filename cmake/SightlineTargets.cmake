# sightline_options: flags of our own code. Libraries are included as system headers.
add_library(sightline_options INTERFACE)
target_include_directories(sightline_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
target_compile_options(sightline_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Werror;-Wno-unused-parameter;-g1>
  # GCC 12 sees an overlap in std::string's own assignment where there is none (its bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
target_link_libraries(sightline_options INTERFACE Threads::Threads)

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  target_link_options(sightline_options INTERFACE -fuse-ld=mold)
endif()

if(SIGHTLINE_CUDA)
  # PyPI's libtorch exports parts of a C++ library of its own, and its std::filesystem::remove_all jumps to
  # address 0. The loader takes the first library that has a name, so the system's goes first.
  target_link_options(sightline_options INTERFACE LINKER:--push-state,--no-as-needed,-lstdc++,--pop-state)
endif()

if(SIGHTLINE_SANITIZE)
  target_compile_options(sightline_options INTERFACE
    -fsanitize=${SIGHTLINE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  # Beside the sanitizers' own code GCC takes for uninitialised what is not (its manual says so).
  target_compile_options(sightline_options INTERFACE -Wno-maybe-uninitialized)
  target_link_options(sightline_options INTERFACE -fsanitize=${SIGHTLINE_SANITIZE})
endif()
if(SIGHTLINE_SANITIZE MATCHES thread)
  include(${CMAKE_CURRENT_LIST_DIR}/TsanLocks.cmake)
endif()

# sightline_library(NAME SOURCES… [PUBLIC libs…] [PRIVATE libs…]): one room's static library.
function(sightline_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC sightline_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# sightline_test(NAME SOURCES… LIBS… [LABEL unit|golden|integration|gpu|slow] [TIMEOUT s]): one test program
# of several *_test.cc files, registered as one ctest.
function(sightline_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LIBS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE sightline_options ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    SIGHTLINE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" SIGHTLINE_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()
