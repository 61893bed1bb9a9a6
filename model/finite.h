#pragma once

#include "model/safetensors.h"

namespace sightline::model {

// False when a number of the tensor is a NaN or an infinity. One pass over its bytes at the speed
// of memory, without a copy: fit for matrices of gigabytes. Whole numbers always are finite.
bool AllFinite(const TensorView& tensor);

}  // namespace sightline::model
