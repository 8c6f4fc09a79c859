// Functions of real numbers, as each language names them. On Metal there are those of float alone.
#pragma once
#include "config.h"

#if RW_LANGUAGE == RW_LANGUAGE_METAL
#include "real_math_metal.h"
#else
#include "real_math_host.h"
#endif
