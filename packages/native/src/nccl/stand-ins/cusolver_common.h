// Of this library only types are mentioned: math_handles.h.
#pragma once
#include "math_handles.h"
