// The chunked state-space scan as an operator. Chunks follow one another only through their states: forward and backward
// first hand the states on (in parallel over sequences and heads), then do everything else (in parallel over chunks, all
// heads of a chunk together, which share C·Bᵀ). Saved for backward: the inputs and the state before each chunk.
#include "kernel.h"
#include "ssd_chunk_backward.h"

namespace tsumugi {
namespace {

using ssd::Scan;

struct Inputs {
  at::Tensor x, dt, A, B, C, D, documents, initial;
  int64_t chunk;
};

void check(const Inputs& in) {
  TORCH_CHECK(in.x.dim() == 4, "ssd_scan: x must be [B, T, m, P], it is ", in.x.sizes());
  const int64_t batch = in.x.size(0), length = in.x.size(1), heads = in.x.size(2), dim = in.x.size(3);
  TORCH_CHECK(in.B.dim() == 3, "ssd_scan: B must be [B, T, N], it is ", in.B.sizes());
  const int64_t state = in.B.size(2);
  const auto expect = [&](const at::Tensor& tensor, const char* name, std::initializer_list<int64_t> sizes) {
    TORCH_CHECK(tensor.sizes() == at::IntArrayRef(sizes), "ssd_scan: ", name, " must be ", at::IntArrayRef(sizes),
                ", it is ", tensor.sizes());
    TORCH_CHECK(tensor.scalar_type() == in.x.scalar_type(), "ssd_scan: ", name, " has another dtype than x");
  };
  expect(in.dt, "dt", {batch, length, heads});
  expect(in.A, "A", {heads});
  expect(in.B, "B", {batch, length, state});
  expect(in.C, "C", {batch, length, state});
  expect(in.D, "D", {heads});
  if (in.initial.defined()) expect(in.initial, "initial_state", {batch, heads, dim, state});
  TORCH_CHECK(!in.documents.defined() || (in.documents.sizes() == at::IntArrayRef({batch, length}) &&
                                          in.documents.scalar_type() == at::kInt),
              "ssd_scan: documents must be int32 [B, T]");
  TORCH_CHECK(in.chunk >= 1, "ssd_scan: chunk must be at least 1");
}

/// uint8 [B, T]: whether a token belongs to another document than the one before it.
at::Tensor resets_of(const at::Tensor& documents) {
  if (!documents.defined()) return {};
  const at::Tensor starts = starts_of_documents(documents);
  at::Tensor resets = at::empty(starts.sizes(), starts.options().dtype(at::kByte));
  const int* start = starts.data_ptr<int>();
  uint8_t* out = resets.data_ptr<uint8_t>();
  const int64_t length = starts.size(1);
  for (int64_t i = 0; i < starts.numel(); i++) out[i] = i % length > 0 && start[i] == i % length;
  return resets;
}

Inputs made_contiguous(const Inputs& in) {
  return {in.x.contiguous(), in.dt.contiguous(), in.A.contiguous(), in.B.contiguous(), in.C.contiguous(), in.D.contiguous(),
          in.documents, in.initial, std::min<int64_t>(in.chunk, ssd::max_chunk)};
}

template <typename T>
Scan<T> scan_of(const Inputs& in, const at::Tensor& resets, bool initial) {
  Scan<T> scan{in.x.size(0), in.x.size(1), in.x.size(2), in.x.size(3), in.B.size(2), in.chunk,
               (in.x.size(1) + in.chunk - 1) / in.chunk};
  scan.x = in.x.data_ptr<T>();
  scan.dt = in.dt.data_ptr<T>();
  scan.A = in.A.data_ptr<T>();
  scan.B = in.B.data_ptr<T>();
  scan.C = in.C.data_ptr<T>();
  scan.D = in.D.data_ptr<T>();
  scan.resets = resets.defined() ? resets.data_ptr<uint8_t>() : nullptr;
  scan.initial = initial;
  return scan;
}

template <typename T>
at::Tensor empty_states(const Scan<T>& scan, const at::Tensor& like) {
  return at::empty({scan.batch, scan.chunks, scan.heads, scan.state, scan.P()}, like.options());
}

/// Phase one: the states between chunks. `from` and `to` are [B, m, P, N] or undefined.
template <bool backward, typename T>
at::Tensor all_states(const Scan<T>& scan, const T* left, const T* right, const at::Tensor& from, const at::Tensor& to,
                      const at::Tensor& like) {
  at::Tensor states = empty_states(scan, like);
  const at::Tensor source = from.defined() ? from.contiguous() : from;
  const T* first = source.defined() ? source.data_ptr<T>() : nullptr;
  T* last = to.defined() ? to.data_ptr<T>() : nullptr;
  T* all = states.data_ptr<T>();
  at::parallel_for(0, scan.batch * scan.heads, 1, [&](int64_t begin, int64_t end) {
    ssd::Arena arena(sizeof(T) * (scan.state_size() + ssd::max_chunk * scan.P()) + 256);
    T* state = arena.take<T>(scan.state_size());
    T* weighted = arena.take<T>(ssd::max_chunk * scan.P());
    const int64_t P = scan.dim, N = scan.state, size = P * N;
    for (int64_t i = begin; i < end; i++) {
      if (first) transpose(first + i * size, N, P, N, state, scan.P());
      else std::fill(state, state + scan.state_size(), T(0));
      ssd::chain_states<backward>(scan, left, right, i / scan.heads, i % scan.heads, last != nullptr, state, weighted, all);
      if (last) transpose(state, scan.P(), N, P, last + i * size, N);
    }
  });
  return states;
}

struct Outputs {
  at::Tensor y, final_state, states;
};

Outputs forward(const Inputs& given, const at::Tensor& resets, bool return_state) {
  const Inputs in = made_contiguous(given);
  Outputs out;
  out.y = at::empty(in.x.sizes(), in.x.options());
  out.final_state = at::empty({0}, in.x.options());
  if (return_state) out.final_state = at::empty({in.x.size(0), in.x.size(2), in.x.size(3), in.B.size(2)}, in.x.options());
  AT_DISPATCH_FLOATING_TYPES(in.x.scalar_type(), "ssd_scan", [&] {
    using T = scalar_t;
    const Scan<T> scan = scan_of<T>(in, resets, in.initial.defined());
    out.states = all_states<false>(scan, scan.B, scan.x, in.initial, return_state ? out.final_state : at::Tensor(), in.x);
    const T* states = out.states.data_ptr<T>();
    T* y = out.y.data_ptr<T>();
    at::parallel_for(0, scan.batch * scan.chunks, 1, [&](int64_t begin, int64_t end) {
      ssd::ForwardBuffers<T> buffers(scan);
      for (int64_t i = begin; i < end; i++)
        ssd::forward_chunk(scan, states, i / scan.chunks, i % scan.chunks, buffers, y);
    });
  });
  return out;
}

/// Gradients of x, dt, A, B, C, D and the initial state.
variable_list backward(const Inputs& given, const at::Tensor& resets, const at::Tensor& states, bool has_initial,
                       const at::Tensor& dy, const at::Tensor& d_final) {
  const Inputs in = made_contiguous(given);
  at::Tensor dx = at::empty_like(in.x), d_dt = at::empty_like(in.dt), dB = at::empty_like(in.B), dC = at::empty_like(in.C);
  at::Tensor d_initial;
  if (has_initial) d_initial = at::empty({in.x.size(0), in.x.size(2), in.x.size(3), in.B.size(2)}, in.x.options());
  const at::Tensor gradient = dy.contiguous();
  at::Tensor dA, dD;
  AT_DISPATCH_FLOATING_TYPES(in.x.scalar_type(), "ssd_scan_backward", [&] {
    using T = scalar_t;
    const Scan<T> scan = scan_of<T>(in, resets, has_initial);
    const at::Tensor d_states = all_states<true>(scan, scan.C, gradient.data_ptr<T>(), d_final, d_initial, in.x);
    at::Tensor partial_A = at::empty({scan.batch * scan.chunks, scan.heads}, in.x.options());
    at::Tensor partial_D = at::empty({scan.batch * scan.chunks, scan.heads}, in.x.options());
    const ssd::Gradients<T> out{gradient.data_ptr<T>(),  states.data_ptr<T>(),    d_states.data_ptr<T>(), d_final.defined(),
                                dx.data_ptr<T>(),        d_dt.data_ptr<T>(),      dB.data_ptr<T>(),       dC.data_ptr<T>(),
                                partial_A.data_ptr<T>(), partial_D.data_ptr<T>()};
    at::parallel_for(0, scan.batch * scan.chunks, 1, [&](int64_t begin, int64_t end) {
      ssd::BackwardBuffers<T> buffers(scan);
      for (int64_t i = begin; i < end; i++) ssd::backward_chunk(scan, out, i / scan.chunks, i % scan.chunks, buffers);
    });
    dA = sum_of_blocks(partial_A);
    dD = sum_of_blocks(partial_D);
  });
  return {dx, d_dt, dA, dB, dC, dD, d_initial};
}

// --- operators ----------------------------------------------------------------------------------------------------

using Two = std::tuple<at::Tensor, at::Tensor>;

Two ssd_scan(const at::Tensor& x, const at::Tensor& dt, const at::Tensor& A, const at::Tensor& B, const at::Tensor& C,
             const at::Tensor& D, const OptionalTensor& documents, const OptionalTensor& initial, int64_t chunk,
             bool return_state) {
  const Inputs in{x, dt, A, B, C, D, value_or_undefined(documents), value_or_undefined(initial), chunk};
  check(in);
  const Outputs out = forward(in, resets_of(in.documents), return_state);
  return {out.y, out.final_state};
}

struct SsdScan : torch::autograd::Function<SsdScan> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& dt, const at::Tensor& A,
                               const at::Tensor& B, const at::Tensor& C, const at::Tensor& D,
                               const OptionalTensor& documents, const OptionalTensor& initial, int64_t chunk,
                               bool return_state) {
    const Inputs in{x, dt, A, B, C, D, value_or_undefined(documents), value_or_undefined(initial), chunk};
    check(in);
    const at::Tensor resets = resets_of(in.documents);
    const Outputs out = tsumugi::forward(in, resets, return_state);
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({x, dt, A, B, C, D, resets, out.states});
    ctx->saved_data["chunk"] = chunk;
    ctx->saved_data["initial"] = in.initial.defined();
    ctx->saved_data["return_state"] = return_state;
    if (!return_state) ctx->mark_non_differentiable({out.final_state});
    return {out.y, out.final_state};
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    refuse_double_backward("ssd_scan");
    const variable_list s = ctx->get_saved_variables();
    const Inputs in{s[0], s[1], s[2], s[3], s[4], s[5], {}, {}, ctx->saved_data["chunk"].toInt()};
    const at::Tensor dy = gradients[0].defined() ? gradients[0] : at::zeros_like(s[0]);
    const at::Tensor d_final = ctx->saved_data["return_state"].toBool() ? gradients[1] : at::Tensor();
    variable_list d = tsumugi::backward(in, s[6], s[7], ctx->saved_data["initial"].toBool(), dy, d_final);
    return {d[0], d[1], d[2], d[3], d[4], d[5], at::Tensor(), d[6], at::Tensor(), at::Tensor()};
  }
};

Two ssd_scan_autograd(const at::Tensor& x, const at::Tensor& dt, const at::Tensor& A, const at::Tensor& B,
                      const at::Tensor& C, const at::Tensor& D, const OptionalTensor& documents,
                      const OptionalTensor& initial, int64_t chunk, bool return_state) {
  const variable_list out = SsdScan::apply(x, dt, A, B, C, D, documents, initial, chunk, return_state);
  return {out[0], out[1]};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def(
      "ssd_scan(Tensor x, Tensor dt, Tensor A, Tensor B, Tensor C, Tensor D, Tensor? documents, Tensor? initial_state, "
      "int chunk, bool return_state) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("ssd_scan", ssd_scan); }
TORCH_LIBRARY_IMPL(tsumugi, AutogradCPU, library) { library.impl("ssd_scan", ssd_scan_autograd); }

}  // namespace tsumugi
