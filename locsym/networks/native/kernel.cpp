// Networks of modules that move one coordinate each: their steps, the gradient of the mean squared error, and Adam.
//
// compiled.py compiles this file once for each precision and calls the functions at its end. A block of vectors of
// samples goes through all modules and, with what it kept, back again, so that the work stays in the caches; the
// gradient is summed over blocks in a fixed order. Samples that only fill the last vector have h = 0: they do not move,
// and give nothing to the loss or its gradient.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "simd.hpp"

namespace {

constexpr int64_t BLOCK = 8;  // vectors, at most
constexpr int64_t MIRROR = -1;
enum Activation : int64_t { LINEAR, SIGMOID, TANH, SWISH };  // the `native` of each in networks/activations.py
}  // namespace

// The same structures stand in compiled.py.
struct Layer {  // weights W (width, reads), w (width) and, unless linear, b (width), one after the other from `offset`
    int64_t moved, column, width, reads, offset, activation;
    double sign;
    const int64_t* read;
};
struct Visit { int64_t layer; double fraction; };  // layer MIRROR: reflect the states
struct Network { int64_t n, layers, visits, weights; const Layer* layer; const Visit* visit; const T* mirror; };
struct Pairs { int64_t N; const T *y, *h, *target; };  // (N, n), (N), (N, n)
struct Segment { int64_t start, stop; };               // weights that are trained
struct Adam { double rate, decay, beta1, beta2, eps; };

namespace {

struct Samples {  // lanes of vectors, coordinate by coordinate: component c of vector v is at [c * vectors + v]
    int64_t N, n, vectors;
    std::vector<V> y, h, target;

    Samples(int64_t n, const Pairs& pairs) : N(pairs.N), n(n), vectors((N + LANES - 1) / LANES) {
        y = gather(pairs.y, n), h = gather(pairs.h, 1);
        if (pairs.target) target = gather(pairs.target, n);
    }
    std::vector<V> gather(const T* rows, int64_t columns) const {
        std::vector<V> out(columns * vectors, V{});
        for (int64_t a = 0; a < N; a++)
            for (int64_t c = 0; c < columns; c++) out[c * vectors + a / LANES][a % LANES] = rows[a * columns + c];
        return out;
    }
};

class Sweep {
    const Network& net;
    const T* theta;
    T* gradient = nullptr;               // where backward sweeps add
    std::vector<T> rows, row_gradients;  // linear module l is the row Ŵ_kᵀ diag(w) W, at [l * n]
    std::vector<V> y, g, tape, moved;    // states and their cotangents (n, B); what the visits kept; y_j before each
    std::vector<V> before;               // states before a reflection
    std::vector<int64_t> start;          // of each visit on the tape

  public:
    Sweep(const Network& net, const T* theta, bool records) : net(net), theta(theta), rows(net.layers * net.n) {
        int64_t length = 2 * BLOCK;
        for (int64_t i = 0; i < net.visits; i++) {
            start.push_back(records ? length : 0);
            if (net.visit[i].layer == MIRROR) continue;
            const Layer& layer = net.layer[net.visit[i].layer];
            const int64_t kept = layer.activation == LINEAR ? 0 : layer.activation == SWISH ? 2 : 1;
            length += records ? kept * layer.width * BLOCK : 0;
        }
        y.resize(net.n * BLOCK), before.resize(y.size()), tape.resize(length);
        if (records) g.resize(y.size()), moved.resize(net.visits * BLOCK), row_gradients.resize(rows.size());
    }

    // Take the weights as they are now.
    void weigh() {
        std::fill(rows.begin(), rows.end(), T(0));
        for (int64_t l = 0; l < net.layers; l++) {
            const Layer& layer = net.layer[l];
            const T *W = theta + layer.offset, *w = W + layer.width * layer.reads;
            T* row = rows.data() + l * net.n;
            if (layer.activation == LINEAR)
                for (int64_t i = 0; i < layer.width; i++, W += layer.reads) {
                    const T weight = w[i] * W[layer.column];
                    for (int64_t c = 0; c < layer.reads; c++) row[c] += weight * W[c];
                }
        }
    }

    // Return the mean squared error; with a gradient, fill it.
    double loss(const Samples& samples, T* out) {
        gradient = out;
        if (out) std::fill(out, out + net.weights, T(0)), std::fill(row_gradients.begin(), row_gradients.end(), T(0));
        double total = 0;
        each_block(samples, [&](auto size, int64_t first) { total += block<size()>(samples, first); });
        if (out) unfold_rows();
        return total / (samples.N * net.n);
    }

    // Write the states that the samples' own states reach: orbit is (steps + 1, N, n).
    void rollout(const Samples& samples, T* orbit, int64_t steps) {
        each_block(samples, [&](auto size, int64_t first) {
            constexpr int B = size();
            load<B>(samples, first);
            const int64_t from = first * LANES, to = std::min(samples.N, from + B * LANES);
            for (int64_t step = 0; step <= steps; step++) {
                if (step) forward<B>(samples, first);
                for (int64_t a = from; a < to; a++)
                    for (int64_t c = 0; c < net.n; c++)
                        orbit[(step * samples.N + a) * net.n + c] = y[c * B + (a - from) / LANES][a % LANES];
            }
        });
    }

  private:
    // Cut the samples into blocks of nearly one size, and call visit(size, first vector) for each.
    template <class F>
    static void each_block(const Samples& samples, F&& visit) {
        const int64_t blocks = (samples.vectors + BLOCK - 1) / BLOCK;
        for (int64_t i = 0; i < blocks; i++) {
            const int64_t first = samples.vectors * i / blocks, next = samples.vectors * (i + 1) / blocks;
            of_size(next - first, [&](auto size) { visit(size, first); });
        }
    }

    template <int B = BLOCK, class F>
    static void of_size(int64_t size, F&& visit) {  // as a constant
        if (size == B) return visit(std::integral_constant<int, B>());
        if constexpr (B > 1) of_size<B - 1>(size, visit);
    }

    template <int B>
    void load(const Samples& samples, int64_t first) {
        for (int64_t c = 0; c < net.n; c++) std::copy_n(&samples.y[c * samples.vectors + first], B, &y[c * B]);
    }

    template <int B>
    double block(const Samples& samples, int64_t first) {
        load<B>(samples, first);
        forward<B>(samples, first);
        V total = {};
        for (int64_t c = 0; c < net.n; c++)
            EACH(v) {
                const V r = y[c * B + v] - samples.target[c * samples.vectors + first + v];
                total += r * r;
                if (gradient) g[c * B + v] = r * T(2.0 / (samples.N * net.n));
            }
        if (gradient) backward<B>(samples, first);
        return sum(total);
    }

    template <int B>
    void forward(const Samples& samples, int64_t first) {
        for (int64_t i = 0; i < net.visits; i++) {
            if (net.visit[i].layer == MIRROR) {
                reflect<B>(y, net.n, 1);
                continue;
            }
            const Layer& layer = net.layer[net.visit[i].layer];
            V shift[B] = {}, *y_j = &y[layer.moved * B];
            switch (layer.activation) {
                case LINEAR: apply_row<B>(layer, &rows[net.visit[i].layer * net.n], shift); break;
                case SIGMOID: apply<Sigmoid, B>(layer, &tape[start[i]], shift); break;
                case TANH: apply<Tanh, B>(layer, &tape[start[i]], shift); break;
                case SWISH: apply<Swish, B>(layer, &tape[start[i]], shift); break;
            }
            if (gradient) std::copy_n(y_j, B, &moved[i * B]);
            const T c = layer.sign * net.visit[i].fraction;
            EACH(v) y_j[v] += c * samples.h[first + v] * shift[v];
        }
    }

    template <int B>
    void backward(const Samples& samples, int64_t first) {
        for (int64_t i = net.visits - 1; i >= 0; i--) {
            if (net.visit[i].layer == MIRROR) {
                reflect<B>(y, net.n, 1), reflect<B>(g, 1, net.n);  // R is its own inverse
                continue;
            }
            const Layer& layer = net.layer[net.visit[i].layer];
            std::copy_n(&moved[i * B], B, &y[layer.moved * B]);
            const T c = layer.sign * net.visit[i].fraction;
            V cotangent[B];  // of the module's shift
            EACH(v) cotangent[v] = c * samples.h[first + v] * g[layer.moved * B + v];
            const int64_t row = net.visit[i].layer * net.n;
            switch (layer.activation) {
                case LINEAR: pull_row<B>(layer, &rows[row], &row_gradients[row], cotangent); break;
                case SIGMOID: pull<Sigmoid, B>(layer, &tape[start[i]], cotangent); break;
                case TANH: pull<Tanh, B>(layer, &tape[start[i]], cotangent); break;
                case SWISH: pull<Swish, B>(layer, &tape[start[i]], cotangent); break;
            }
        }
    }

    // x = R x, or Rᵀ x: row and column are the strides of R
    template <int B>
    void reflect(std::vector<V>& x, int64_t row, int64_t column) {
        std::copy_n(x.begin(), net.n * B, before.begin());
        for (int64_t i = 0; i < net.n; i++) {
            V total[B] = {};
            for (int64_t c = 0; c < net.n; c++) EACH(v) total[v] += net.mirror[i * row + c * column] * before[c * B + v];
            std::copy_n(total, B, &x[i * B]);
        }
    }

    // shift = Ŵ_kᵀ diag(w) σ(W ŷ + b)
    template <class A, int B>
    void apply(const Layer& layer, V* kept, V* shift) {
        const T *W = theta + layer.offset, *w = W + layer.width * layer.reads, *b = w + layer.width;
        const int64_t stride = gradient ? A::KEPT * B : 0;  // without a gradient nothing need be kept
        for (int64_t i = 0; i < layer.width; i++, W += layer.reads, kept += stride) {
            V z[B];
            EACH(v) z[v] = V{} + b[i];
            for (int64_t c = 0; c < layer.reads; c++) EACH(v) z[v] += W[c] * y[layer.read[c] * B + v];
            A::template apply<B>(z, kept);
            EACH(v) shift[v] += (w[i] * W[layer.column]) * z[v];
        }
    }

    template <class A, int B>
    void pull(const Layer& layer, const V* kept, const V* cotangent) {
        const T *W = theta + layer.offset, *w = W + layer.width * layer.reads;
        T *dW = gradient + layer.offset, *dw = dW + layer.width * layer.reads, *db = dw + layer.width;
        for (int64_t i = 0; i < layer.width; i++, W += layer.reads, dW += layer.reads, kept += A::KEPT * B) {
            V dz[B], values = {}, slopes = {};
            EACH(v) {
                dz[v] = (w[i] * W[layer.column]) * cotangent[v] * A::template slope<B>(kept + v);
                values += cotangent[v] * kept[v], slopes += dz[v];
            }
            for (int64_t c = 0; c < layer.reads; c++) {
                V total = {};
                EACH(v) {
                    total += dz[v] * y[layer.read[c] * B + v];
                    g[layer.read[c] * B + v] += W[c] * dz[v];
                }
                dW[c] += sum(total);
            }
            const T value = sum(values);
            dW[layer.column] += w[i] * value, dw[i] += W[layer.column] * value, db[i] += sum(slopes);
        }
    }

    template <int B>
    void apply_row(const Layer& layer, const T* row, V* shift) {
        for (int64_t c = 0; c < layer.reads; c++) EACH(v) shift[v] += row[c] * y[layer.read[c] * B + v];
    }

    template <int B>
    void pull_row(const Layer& layer, const T* row, T* row_gradient, const V* cotangent) {
        for (int64_t c = 0; c < layer.reads; c++) {
            V total = {};
            EACH(v) {
                total += cotangent[v] * y[layer.read[c] * B + v];
                g[layer.read[c] * B + v] += row[c] * cotangent[v];
            }
            row_gradient[c] += sum(total);
        }
    }

    // From the gradients of the rows Ŵ_kᵀ diag(w) W to those of W and w.
    void unfold_rows() {
        for (int64_t l = 0; l < net.layers; l++) {
            const Layer& layer = net.layer[l];
            if (layer.activation != LINEAR) continue;
            const T *W = theta + layer.offset, *w = W + layer.width * layer.reads, *d = &row_gradients[l * net.n];
            T *dW = gradient + layer.offset, *dw = dW + layer.width * layer.reads;
            for (int64_t i = 0; i < layer.width; i++, W += layer.reads, dW += layer.reads) {
                T along = 0;
#pragma omp simd reduction(+ : along)
                for (int64_t c = 0; c < layer.reads; c++) along += W[c] * d[c];
                for (int64_t c = 0; c < layer.reads; c++) dW[c] = w[i] * W[layer.column] * d[c];
                dW[layer.column] += w[i] * along, dw[i] = W[layer.column] * along;
            }
        }
    }
};

}  // namespace

extern "C" {
void rollout(const Network* net, const T* theta, const Pairs* start, int64_t steps, T* orbit) {
    Sweep sweep(*net, theta, false);
    sweep.weigh();
    sweep.rollout(Samples(net->n, *start), orbit, steps);
}

double gradient(const Network* net, const T* theta, const Pairs* pairs, T* out) {
    Sweep sweep(*net, theta, out != nullptr);
    sweep.weigh();
    return sweep.loss(Samples(net->n, *pairs), out);
}

// Adam (Kingma & Ba 2015), full batch, torch's formula, after `taken` epochs. Write up to `epochs` rows (loss before the
// step, validation after it, rate, seconds) and return their number; the last one is where the loss reaches `target` or
// is not finite, or `seconds` have passed.
int64_t adam(const Network* net, T* theta, T* m, T* v, const Segment* segment, int64_t segments, const Adam* how,
             int64_t taken, const Pairs* train, const Pairs* valid, int64_t epochs, double target, double seconds,
             double* row) {
    const auto begin = std::chrono::steady_clock::now();
    const NoSubnormals guard;
    const Samples training(net->n, *train), validation(net->n, *valid);
    std::vector<T> slope(net->weights);
    Sweep sweep(*net, theta, true);
    sweep.weigh();
    for (int64_t epoch = 0; epoch < epochs; epoch++, row += 4) {
        const double t = double(taken + epoch), rate = how->rate * std::pow(how->decay, t);
        const T step = rate / (1 - std::pow(how->beta1, t + 1)), scale = std::sqrt(1 - std::pow(how->beta2, t + 1));
        const T rest1 = 1 - how->beta1, beta2 = how->beta2, rest2 = 1 - how->beta2, eps = how->eps;
        row[0] = sweep.loss(training, slope.data());
        for (int64_t s = 0; s < segments; s++)
#pragma omp simd
            for (int64_t i = segment[s].start; i < segment[s].stop; i++) {
                m[i] += rest1 * (slope[i] - m[i]);
                v[i] = beta2 * v[i] + rest2 * slope[i] * slope[i];
                theta[i] -= step * m[i] / (std::sqrt(v[i]) / scale + eps);
            }
        sweep.weigh();
        row[1] = valid->N ? sweep.loss(validation, nullptr) : NAN;
        row[2] = rate, row[3] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        if (row[0] <= target || !std::isfinite(row[0]) || row[3] >= seconds) return epoch + 1;
    }
    return epochs;
}
}
