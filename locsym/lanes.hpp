// Samples as the lanes of a vector: V holds 64 bytes of REAL, float or double, and the activations act on it.
#pragma once
#include <array>
#include <cstdint>
#include <type_traits>

namespace {

using T = REAL;
using Bits = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
typedef T V __attribute__((vector_size(64)));
typedef Bits I __attribute__((vector_size(64)));
constexpr int64_t LANES = 64 / sizeof(T);

T sum(V x) {
    T total = 0;
    for (int i = 0; i < LANES; i++) total += x[i];
    return total;
}

constexpr auto TAYLOR = [] {  // 1, 1, 1/2!, 1/3!, …
    std::array<T, 14> c{1};
    double factorial = 1;
    for (int i = 1; i < 14; i++) c[i] = T(1 / (factorial *= i));
    return c;
}();

// exp(x) - 1 = 2^k (e^r - 1) + (2^k - 1) with x = k ln 2 + r, |r| <= ln(2)/2: Taylor's series for e^r, exact to rounding.
inline V expm1(V x) {
    constexpr bool wide = sizeof(T) == 8;
    constexpr int mantissa = wide ? 52 : 23, degree = wide ? 13 : 8;
    constexpr T reach = wide ? 708 : 87, high = 0.6931471805599453094, low = wide ? 2.3190468138462996e-17 : -1.9046543e-9;
    constexpr T magic = T(1.5) * (Bits(1) << mantissa);  // added, it rounds to a whole number and leaves k in the last bits
    x = x > reach ? V{} + reach : x;
    x = x < -reach ? V{} - reach : x;
    const V shifted = x * T(1.4426950408889634074) + magic, k = shifted - magic, r = (x - k * high) - k * low;
    V series = {};
#pragma GCC unroll 16
    for (int i = degree; i > 0; i--) series = series * r + TAYLOR[i];
    const V power = (V)(((I)shifted << mantissa) + (I)(V{} + T(1)));
    return power * (r * series) + (power - 1);
}

// 1/x for x >= 1. A vector of doubles is slow to divide: a division of floats and one step of third order are as good.
// Beyond the reach of floats it gives 0.
inline V reciprocal(V x) {
    if constexpr (sizeof(T) == 4) return 1 / x;
    typedef float F __attribute__((vector_size(4 * LANES)));
    const V guess = __builtin_convertvector(1 / __builtin_convertvector(x, F), V), error = 1 - x * guess;
    return guess + guess * (error + error * error);
}

// What a module's backward sweep needs of its forward one: KEPT vectors for each unit and vector of samples.
struct Sigmoid {
    static constexpr int KEPT = 1;
    static V value(V z, V* kept) { return kept[0] = reciprocal(expm1(-z) + 2); }
    static V value(const V* kept) { return kept[0]; }
    static V slope(const V* kept) { return kept[0] * (1 - kept[0]); }
};
struct Tanh {
    static constexpr int KEPT = 1;
    static V value(V z, V* kept) {
        const V below = z < 0 ? z : -z, e = expm1(below + below), t = e * reciprocal(e + 2);
        return kept[0] = z < 0 ? t : -t;
    }
    static V value(const V* kept) { return kept[0]; }
    static V slope(const V* kept) { return 1 - kept[0] * kept[0]; }
};
struct Swish {
    static constexpr int KEPT = 2;
    static V value(V z, V* kept) {
        kept[1] = reciprocal(expm1(-z) + 2);
        return kept[0] = z * kept[1];
    }
    static V value(const V* kept) { return kept[0]; }
    static V slope(const V* kept) { return kept[1] + kept[0] * (1 - kept[1]); }
};

}  // namespace
