// In place of crt/host_config.h, which checks the compiler of code for devices: see host_defines.h.
#pragma once
#include "host_defines.h"

#define _CRTIMP
#define _ACRTIMP
