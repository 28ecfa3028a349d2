// Samples as the lanes of a vector: V fills one register with REAL, float or double, and the activations act on it.
#pragma once
#include <array>
#include <cstdint>
#include <type_traits>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace {

using T = REAL;
using Bits = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
#if defined(__AVX512F__)
constexpr int WIDTH = 64;  // bytes of a register
#else
constexpr int WIDTH = 32;  // twice as wide a vector, split by the compiler, was four times slower with AVX2
#endif
typedef T V __attribute__((vector_size(WIDTH)));
typedef Bits I __attribute__((vector_size(WIDTH)));
constexpr int64_t LANES = WIDTH / sizeof(T);

// While it lives, numbers below the normal range count as zero. Adam lets the weights of units that have died decay
// through that range, where every operation takes a hundred times as long.
struct NoSubnormals {
#if defined(__SSE__)
    const unsigned before = _mm_getcsr();
    NoSubnormals() { _mm_setcsr(before | 0x8040); }  // flush to zero, read as zero
    ~NoSubnormals() { _mm_setcsr(before); }
#endif
};

#define EACH(v) _Pragma("GCC unroll 8") for (int v = 0; v < B; v++)

inline T sum(V x) {  // half by half
    typedef T Half __attribute__((vector_size(WIDTH / 2), may_alias));
    typedef T Quarter __attribute__((vector_size(WIDTH / 4), may_alias));
    const Half half = ((Half*)&x)[0] + ((Half*)&x)[1];
    const Quarter quarter = ((Quarter*)&half)[0] + ((Quarter*)&half)[1];
    T total = 0;
    for (int i = 0; i < LANES / 4; i++) total += quarter[i];
    return total;
}

constexpr auto TAYLOR = [] {  // 1, 1, 1/2!, 1/3!, …
    std::array<T, 14> c{1};
    double factorial = 1;
    for (int i = 1; i < 14; i++) c[i] = T(1 / (factorial *= i));
    return c;
}();

// exp(x) - 1 = 2^k (e^r - 1) + (2^k - 1) with x = k ln 2 + r, |r| <= ln(2)/2, and Taylor's series for e^r, exact to
// rounding. B vectors go in step, so that none waits for itself.
template <int B>
inline void expm1(V* x) {
    constexpr bool wide = sizeof(T) == 8;
    constexpr int mantissa = wide ? 52 : 23, degree = wide ? 13 : 8;
    constexpr T reach = wide ? 708 : 87, high = 0.6931471805599453094;  // ln 2, and what rounding it leaves
    constexpr T low = wide ? 2.3190468138462996e-17 : -1.9046543e-9;
    constexpr T magic = T(1.5) * (Bits(1) << mantissa);  // once added, the last bits are a whole number
    V power[B], series[B];
    EACH(v) {
        x[v] = x[v] > reach ? V{} + reach : x[v];
        x[v] = x[v] < -reach ? V{} - reach : x[v];
        const V shifted = x[v] * T(1.4426950408889634074) + magic, k = shifted - magic;
        x[v] = (x[v] - k * high) - k * low;
        power[v] = (V)(((I)shifted << mantissa) + (I)(V{} + T(1)));
        series[v] = V{} + TAYLOR[degree];
    }
#pragma GCC unroll 16
    for (int i = degree - 1; i > 0; i--) EACH(v) series[v] = series[v] * x[v] + TAYLOR[i];
    EACH(v) x[v] = power[v] * (x[v] * series[v]) + (power[v] - 1);
}

// 1/x for x >= 1. A vector of doubles is slow to divide: a division of floats and one step of third order are as good.
// Beyond the reach of floats it gives 0.
inline V reciprocal(V x) {
    if constexpr (sizeof(T) == 4) return 1 / x;
    typedef float F __attribute__((vector_size(4 * LANES)));
    const V guess = __builtin_convertvector(1 / __builtin_convertvector(x, F), V), error = 1 - x * guess;
    return guess + guess * (error + error * error);
}

// Activations: z becomes σ(z), and what the backward sweep needs is kept, KEPT times B vectors for a unit.
struct Sigmoid {
    static constexpr int KEPT = 1;
    template <int B>
    static void apply(V* z, V* kept) {
        EACH(v) z[v] = -z[v];
        expm1<B>(z);
        EACH(v) kept[v] = z[v] = reciprocal(z[v] + 2);
    }
    template <int B>
    static V slope(const V* kept) { return kept[0] * (1 - kept[0]); }
};
struct Tanh {
    static constexpr int KEPT = 1;
    template <int B>
    static void apply(V* z, V* kept) {
        V e[B];
        EACH(v) e[v] = z[v] < 0 ? z[v] + z[v] : -(z[v] + z[v]);
        expm1<B>(e);
        EACH(v) e[v] *= reciprocal(e[v] + 2);
        EACH(v) kept[v] = z[v] = z[v] < 0 ? e[v] : -e[v];
    }
    template <int B>
    static V slope(const V* kept) { return 1 - kept[0] * kept[0]; }
};
struct Swish {
    static constexpr int KEPT = 2;
    template <int B>
    static void apply(V* z, V* kept) {
        V e[B];
        EACH(v) e[v] = -z[v];
        expm1<B>(e);
        EACH(v) kept[B + v] = reciprocal(e[v] + 2), kept[v] = z[v] *= kept[B + v];
    }
    template <int B>
    static V slope(const V* kept) { return kept[B] + kept[0] * (1 - kept[B]); }
};

}  // namespace
