// exp, exp2, tanh, sigmoid and SiLU without branches, so that a loop over them becomes vector code. f32 is accurate to about two
// units in the last place; f64 exists for gradient checks and uses the C library. Needs -fno-trapping-math to vectorize.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace tsumugi {

/// 2^n·e^r for |r| ≤ ln 2 / 2, with n (−125 … 128) in the low bits of `shifted` = n + 1.5·2^23.
inline float exp_of_parts(float shifted, float r) {
  // (e^r − 1 − r) / r², minimax for the relative error of e^r (3e-9).
  float p = 1.38146132608e-3f;
  p = p * r + 8.36870982417e-3f;
  p = p * r + 4.16683873613e-2f;
  p = p * r + 1.66665206898e-1f;
  p = p * r + 4.99999934517e-1f;
  p = p * (r * r) + r + 1.0f;
  // 2^(n−1) as bits, then twice: 2^128 has no bits of its own.
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits - 0x4b400000u + 126u) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return p * scale * 2.0f;
}

/// e^x. Results below 1.8e-38 are 0, above the largest float infinity; NaN stays NaN.
inline float fast_exp(float x) {
  constexpr float rounder = 12582912.0f;  // 1.5·2^23: adding it rounds to an integer, which stands in the low bits
  constexpr float lowest = -86.9f;
  constexpr float highest = 88.7228394f;
  float clamped = x < lowest ? lowest : x;
  clamped = clamped > highest ? highest : clamped;
  const float shifted = clamped * 1.44269504f + rounder;
  const float n = shifted - rounder;
  float r = clamped - n * 0.693359375f;  // ln 2 in two parts: the first has few bits, so its multiples are exact
  r = r + n * 2.12194440e-4f;
  const float y = exp_of_parts(shifted, r);
  const float flushed = x < lowest ? 0.0f : y;
  return x > highest ? std::numeric_limits<float>::infinity() : flushed;
}
inline double fast_exp(double x) { return std::exp(x); }

/// 2^x, with the same limits.
inline float fast_exp2(float x) {
  constexpr float rounder = 12582912.0f;
  float clamped = x < -125.0f ? -125.0f : x;
  clamped = clamped > 128.0f ? 128.0f : clamped;
  const float shifted = clamped + rounder;
  const float r = (clamped - (shifted - rounder)) * 0.693147181f;
  const float y = exp_of_parts(shifted, r);
  return x < -125.0f ? 0.0f : y;  // 2^128 overflows to infinity by itself
}
inline double fast_exp2(double x) { return std::exp2(x); }

template <typename T>
inline T sigmoid(T x) {
  return T(1) / (T(1) + fast_exp(-x));
}

/// tanh x: up to 0.625 an odd polynomial, whose coefficients are those of the Cephes library (S. L. Moshier), and beyond by e^2x.
inline float fast_tanh(float x) {
  const float size = x < 0 ? -x : x;
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * z * x + x;
  const float most = size > 10.0f ? 10.0f : size;  // 1 to the last bit
  const float large = 1.0f - 2.0f / (fast_exp(2.0f * most) + 1.0f);
  const float signed_large = x < 0 ? -large : large;
  return size > 0.625f ? signed_large : small;  // NaN goes with the polynomial
}
inline double fast_tanh(double x) { return std::tanh(x); }

template <typename T>
inline T silu(T x) {
  return x * sigmoid(x);
}

/// d silu(x) / dx, given s = sigmoid(x).
template <typename T>
inline T silu_slope(T x, T s) {
  return s * (T(1) + x * (T(1) - s));
}

}  // namespace tsumugi
