// What the sources ask of the compiler and its flags; lib/compiler.js looks at the version before anything is compiled.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#if __GNUC__ < 12
#error "GCC 12 or newer is needed: older ones have no __builtin_shufflevector"
#endif
// Without them loops over the exponential stay scalar below AVX-512: three times as slow, and no test would fail.
#if !defined(__NO_TRAPPING_MATH__) || !defined(__NO_MATH_ERRNO__)
#error "-fno-trapping-math and -fno-math-errno are needed; build through `npm run setup`"
#endif
#endif

#if __FINITE_MATH_ONLY__
#error "-ffinite-math-only (also in -ffast-math) must not be given: masks are infinities, and NaN is passed on"
#endif

// Flags that come from outside (CXXFLAGS) must not reach beyond the level that the addon is built for.
#if defined(TSUMUGI_CPU_LEVEL) && (TSUMUGI_CPU_LEVEL >= 4) != defined(__AVX512VL__)
#error "AVX-512 must be on for x86-64-v4 and off below; unset CXXFLAGS"
#endif
#if defined(TSUMUGI_CPU_LEVEL) && (TSUMUGI_CPU_LEVEL >= 3) != defined(__AVX2__)
#error "AVX2 must be on from x86-64-v3 on and off below; unset CXXFLAGS"
#endif
