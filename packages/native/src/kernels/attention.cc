// tsumugi::windowed_attention: causal grouped-query attention over a window and within documents, on the CPU.
// Linear in length for a window, and never a [T, T] matrix: forward keeps the log-sum-exp, backward recomputes the scores.
// Results do not depend on the number of threads: work is cut by shape alone, and sums over cuts are taken in order.
#include <atomic>
#include <tuple>
#include <vector>

#include "attention_tiles.h"
#include "kernel.h"

namespace tsumugi::attention {
namespace {

// Rows (queries × heads of a group) per block: enough to use a tile of keys often, few enough to stay in the L2 cache.
constexpr int64_t rows_per_block = 192;
// Backward sums gradients of keys over cuts of the queries. At least this many pieces of work, for balance over cores.
constexpr int64_t backward_pieces = 16;

/// Runs `body(slot, item)` for every item. `slot` < the number of threads names the scratch memory of the thread.
template <typename Body>
void for_each_item(int64_t items, const Body& body) {
  std::atomic<int64_t> next{0};
  at::parallel_for(0, std::min<int64_t>(items, at::get_num_threads()), 1, [&](int64_t begin, int64_t) {
    for (int64_t item; (item = next++) < items;) body(begin, item);
  });
}

template <typename T>
View<T> view(const at::Tensor& tensor) {
  return {static_cast<T*>(tensor.data_ptr()), tensor.stride(0), tensor.stride(1), tensor.stride(2)};
}

/// For each sequence (one row for all without documents) and query, the first key it sees.
std::vector<int64_t> first_keys(const Shape& shape, int64_t window, const at::Tensor& documents) {
  const int64_t sequences = documents.defined() ? shape.batch : 1;
  std::vector<int64_t> low(sequences * shape.queries);
  const at::Tensor starts = documents.defined() ? starts_of_documents(documents) : at::Tensor();
  const int* start = starts.defined() ? starts.data_ptr<int>() : nullptr;
  for (int64_t i = 0; i < sequences * shape.queries; i++) {
    const int64_t first = start ? start[i] : 0, t = i % shape.queries;
    low[i] = window < 0 ? first : std::max(first, t + shape.offset - window);
  }
  return low;
}

/// The problem as the kernels see it: shapes, ranges, blocks of queries, and which tiles of keys are needed at all.
struct Plan {
  Shape shape;
  std::vector<int64_t> low;
  int64_t block, blocks, first_tile, tiles;

  /// The queries are those of the last keys.
  Plan(const at::Tensor& query, const at::Tensor& key, int64_t window, const at::Tensor& documents)
      : shape(shape_of(query, key, key.size(1) - query.size(1))), low(first_keys(shape, window, documents)) {
    cut();
  }
  /// The queries see the keys from `first_seen` (or 0) on.
  Plan(const at::Tensor& query, const at::Tensor& key, int64_t offset, std::vector<int64_t> first_seen)
      : shape(shape_of(query, key, offset)), low(std::move(first_seen)) {
    cut();
  }
  static Shape shape_of(const at::Tensor& query, const at::Tensor& key, int64_t offset) {
    return {query.size(0), query.size(1), key.size(1), query.size(2), key.size(2), query.size(3), offset};
  }
  void cut() {
    block = std::max<int64_t>(1, rows_per_block / shape.group());
    blocks = (shape.queries + block - 1) / block;
    int64_t least = shape.keys;
    for (size_t row = 0; row < low.size(); row += shape.queries) least = std::min(least, low[row]);
    first_tile = least / keys_per_tile;
    tiles = (shape.keys + keys_per_tile - 1) / keys_per_tile - first_tile;
  }
  Ranges ranges(int64_t b) const {
    return {low.data() + (static_cast<int64_t>(low.size()) > shape.queries ? b * shape.queries : 0), shape.offset, shape.keys};
  }
  int64_t rows() const { return std::min(block, shape.queries) * shape.group(); }
  int64_t block_end(int64_t i) const { return std::min((i + 1) * block, shape.queries); }
};

/// Packs the tiles of every head of `source` [B,S,K,d]; `dense` and `across` are [B, K, tiles, dp · keys_per_tile] or null.
template <typename T>
void pack(const Plan& plan, const at::Tensor& source, T* dense, T* across) {
  const Shape& shape = plan.shape;
  const View<const T> from = view<const T>(source);
  const int64_t size = padded<T>(shape.dim) * keys_per_tile;
  at::parallel_for(0, shape.batch * shape.key_heads * plan.tiles, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t head = i / plan.tiles, key = (plan.first_tile + i % plan.tiles) * keys_per_tile;
      pack_tile(from.row(head / shape.key_heads, key, head % shape.key_heads), from.position,
                std::min(keys_per_tile, shape.keys - key), shape.dim, dense ? dense + i * size : nullptr,
                across ? across + i * size : nullptr);
    }
  });
}

/// One block of queries, as in decoding: nothing packed would be used twice, so the keys are shared out instead. Each piece
/// takes a few tiles of one head's keys; the pieces are then joined in order.
template <typename T>
void forward_split(const Plan& plan, const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, T scale,
                   const at::Tensor& out, const at::Tensor& logsumexp) {
  const Shape& shape = plan.shape;
  const auto q = view<const T>(query), k = view<const T>(key), v = view<const T>(value);
  const int64_t group = shape.group(), dp = padded<T>(shape.dim), tile_size = dp * keys_per_tile;
  const int64_t rows = shape.queries * group, heads = shape.batch * shape.key_heads;
  const int64_t splits = (plan.tiles + tiles_per_split - 1) / tiles_per_split;
  const at::Tensor memory = at::empty({heads * splits * rows, Parts<T>::size(dp)}, query.options());
  const Parts<T> parts{static_cast<T*>(memory.data_ptr()), rows, dp};
  const int64_t scratch_size = (Running<T>::size(rows, dp) + 2 * tile_size + 63) / 64 * 64;
  const int64_t grain = std::max<int64_t>(1, serial_elements / (tiles_per_split * tile_size + rows * dp));
  const at::Tensor scratch = at::empty({at::get_num_threads(), scratch_size}, query.options());
  at::parallel_for(0, heads * splits, grain, [&](int64_t begin, int64_t end) {
    T* const keys = static_cast<T*>(scratch.data_ptr()) + at::get_thread_num() * scratch_size;
    T* const values = keys + tile_size;
    for (int64_t item = begin; item < end; item++) {
      const int64_t b = item / splits / shape.key_heads, kh = item / splits % shape.key_heads;
      const Running<T> running(values + tile_size, 0, rows, dp);
      gather_rows(q, shape, b, kh, 0, shape.queries, T(scale * log2_e), running.query);
      const int64_t first = plan.first_tile + item % splits * tiles_per_split;
      for (int64_t tile = first; tile < std::min(first + tiles_per_split, plan.first_tile + plan.tiles); tile++) {
        const int64_t at = tile * keys_per_tile, count = std::min(keys_per_tile, shape.keys - at);
        pack_tile<T>(k.row(b, at, kh), k.position, count, shape.dim, nullptr, keys);
        pack_tile<T>(v.row(b, at, kh), v.position, count, shape.dim, values, nullptr);
        forward_tile(shape, plan.ranges(b), keys, values, dp, at, running);
      }
      parts.put(item, running);
    }
  });

  const int64_t joint_grain = std::max<int64_t>(1, serial_elements / (splits * dp));
  at::parallel_for(0, heads * rows, joint_grain, [&](int64_t begin, int64_t end) {
    std::vector<T> weighted(dp);
    for (int64_t i = begin; i < end; i++) {
      const int64_t head = i / rows, r = i % rows;
      T total, maximum;
      parts.join(head * splits, (head + 1) * splits, r, weighted.data(), total, maximum);
      write_row(shape, head / shape.key_heads, r / group, head % shape.key_heads * group + r % group, weighted.data(), total,
                maximum, plan.ranges(head / shape.key_heads).has_keys(r / group), view<T>(out),
                static_cast<T*>(logsumexp.data_ptr()));
    }
  });
}

template <typename T>
void forward(const Plan& plan, const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, double scale,
             const at::Tensor& out, const at::Tensor& logsumexp) {
  const Shape& shape = plan.shape;
  if (plan.blocks == 1) return forward_split<T>(plan, query, key, value, T(scale), out, logsumexp);
  const int64_t dp = padded<T>(shape.dim), head_size = plan.tiles * dp * keys_per_tile;
  const int64_t heads = shape.batch * shape.key_heads;
  const at::Tensor packed = at::empty({2, heads * head_size}, query.options());
  T *keys = static_cast<T*>(packed.data_ptr()), *values = keys + heads * head_size;
  pack<T>(plan, key, nullptr, keys);
  pack<T>(plan, value, values, nullptr);
  const int64_t scratch_size = (Running<T>::size(plan.rows(), dp) + 63) / 64 * 64;
  const at::Tensor scratch = at::empty({at::get_num_threads(), scratch_size}, query.options());
  // Head by head, so that its tiles stay in the cache; the last blocks, which see the most keys, first.
  for_each_item(heads * plan.blocks, [&](int64_t slot, int64_t item) {
    const int64_t head = item / plan.blocks, i = plan.blocks - 1 - item % plan.blocks, b = head / shape.key_heads;
    forward_block<T>(shape, plan.ranges(b), b, head % shape.key_heads, i * plan.block, plan.block_end(i), T(scale),
                     view<const T>(query), keys + head * head_size, values + head * head_size, plan.first_tile, view<T>(out),
                     static_cast<T*>(logsumexp.data_ptr()), static_cast<T*>(scratch.data_ptr()) + slot * scratch_size);
  });
}

/// A run of query blocks of one sequence, and the tiles of keys they touch.
struct Cut {
  int64_t block_begin, block_end, tile_begin, tile_end, memory;
};

/// Cuts a sequence's blocks into `pieces` runs that see about equally many keys.
std::vector<Cut> cut_sequence(const Plan& plan, int64_t b, int64_t pieces) {
  const Ranges ranges = plan.ranges(b);
  std::vector<int64_t> cost(plan.blocks);
  int64_t total = 0;
  for (int64_t i = 0; i < plan.blocks; i++)
    total += cost[i] = ranges.high(plan.block_end(i) - 1) - ranges.low[i * plan.block];
  std::vector<Cut> cuts;
  int64_t begin = 0, done = 0;
  for (int64_t i = 0; i < plan.blocks; i++) {
    done += cost[i];
    const auto piece = static_cast<int64_t>(cuts.size()) + 1;
    if (i + 1 < plan.blocks && done * pieces < total * piece) continue;
    cuts.push_back({begin, i + 1, ranges.low[begin * plan.block] / keys_per_tile,
                    (ranges.high(plan.block_end(i) - 1) + keys_per_tile - 1) / keys_per_tile, 0});
    begin = i + 1;
  }
  return cuts;
}

template <typename T>
void backward(const Plan& plan, const at::Tensor& grad, const at::Tensor& query, const at::Tensor& key,
              const at::Tensor& value, const at::Tensor& out, const at::Tensor& logsumexp, double scale,
              const at::Tensor& grad_query, const at::Tensor& grad_key, const at::Tensor& grad_value) {
  const Shape& shape = plan.shape;
  const int64_t dp = padded<T>(shape.dim), tile_size = dp * keys_per_tile, head_size = plan.tiles * tile_size;
  const int64_t heads = shape.batch * shape.key_heads;
  const at::Tensor packed = at::empty({3, heads * head_size}, query.options());
  T *keys_across = static_cast<T*>(packed.data_ptr()), *keys = keys_across + heads * head_size;
  T* values_across = keys + heads * head_size;
  pack<T>(plan, key, keys, keys_across);
  pack<T>(plan, value, nullptr, values_across);

  // Every cut adds into memory of its own: [head of the sequence][keys, values][tile].
  const int64_t pieces = (backward_pieces + heads - 1) / heads;
  std::vector<std::vector<Cut>> cuts(shape.batch);
  std::vector<std::pair<int64_t, size_t>> items;  // head, cut of its sequence
  int64_t memory = 0;
  for (int64_t b = 0; b < shape.batch; b++) {
    cuts[b] = cut_sequence(plan, b, pieces);
    for (Cut& cut : cuts[b]) {
      cut.memory = memory;
      memory += shape.key_heads * 2 * (cut.tile_end - cut.tile_begin) * tile_size;
    }
    for (int64_t kh = 0; kh < shape.key_heads; kh++)
      for (size_t c = 0; c < cuts[b].size(); c++) items.emplace_back(b * shape.key_heads + kh, c);
  }
  const at::Tensor partial = at::empty({memory}, query.options());
  const auto sums = [&](const Cut& cut, int64_t kh) {
    return static_cast<T*>(partial.data_ptr()) + cut.memory + kh * 2 * (cut.tile_end - cut.tile_begin) * tile_size;
  };

  const int64_t scratch_size = (BackwardScratch<T>::size(plan.rows(), dp) + 63) / 64 * 64;
  const at::Tensor scratch = at::empty({at::get_num_threads(), scratch_size}, query.options());
  for_each_item(items.size(), [&](int64_t slot, int64_t item) {
    const int64_t head = items[item].first, b = head / shape.key_heads, kh = head % shape.key_heads;
    const Cut& cut = cuts[b][items[item].second];
    const int64_t size = (cut.tile_end - cut.tile_begin) * tile_size;
    T* into = sums(cut, kh);
    std::fill(into, into + 2 * size, T(0));
    const PackedHead<T> tiles{keys_across + head * head_size, keys + head * head_size, values_across + head * head_size,
                              plan.first_tile};
    for (int64_t i = cut.block_begin; i < cut.block_end; i++)
      backward_block<T>(shape, plan.ranges(b), b, kh, i * plan.block, plan.block_end(i), T(scale), view<const T>(query),
                        view<const T>(out), view<const T>(grad), static_cast<const T*>(logsumexp.data_ptr()), tiles,
                        view<T>(grad_query), into, into + size, cut.tile_begin,
                        static_cast<T*>(scratch.data_ptr()) + slot * scratch_size);
  });

  // The queries were multiplied by scale · log2 e; keys want scale alone.
  const View<T> to_keys = view<T>(grad_key), to_values = view<T>(grad_value);
  at::parallel_for(0, heads * shape.keys, 512, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t head = i / shape.keys, n = i % shape.keys, b = head / shape.key_heads, kh = head % shape.key_heads;
      T *dk = to_keys.row(b, n, kh), *dv = to_values.row(b, n, kh);
      std::fill(dk, dk + shape.dim, T(0));
      std::fill(dv, dv + shape.dim, T(0));
      for (const Cut& cut : cuts[b]) {
        if (n < cut.tile_begin * keys_per_tile || n >= cut.tile_end * keys_per_tile) continue;
        const T* from = sums(cut, kh) + (n - cut.tile_begin * keys_per_tile) * dp;
        const T* from_values = from + (cut.tile_end - cut.tile_begin) * tile_size;
#pragma omp simd
        for (int64_t e = 0; e < shape.dim; e++) {
          dk[e] += from[e] * T(ln_2);
          dv[e] += from_values[e];
        }
      }
    }
  });
}

// --- operators ----------------------------------------------------------------------------------------------------

void check(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& documents) {
  TORCH_CHECK(query.dim() == 4 && key.dim() == 4 && value.sizes() == key.sizes(),
              "attention: expected query [B,T,H,d] and key, value [B,S,K,d], got ", query.sizes(), ", ", key.sizes(), ", ",
              value.sizes());
  TORCH_CHECK(query.size(0) == key.size(0) && query.size(3) == key.size(3) && query.size(2) % key.size(2) == 0 &&
                  key.size(1) >= query.size(1),
              "attention: query ", query.sizes(), " and key ", key.sizes(),
              " must agree in B and d, H must be a multiple of K, and S at least T");
  TORCH_CHECK(query.scalar_type() == key.scalar_type() && query.scalar_type() == value.scalar_type(),
              "attention: query, key and value must have one dtype");
  TORCH_CHECK(!documents.defined() || (documents.scalar_type() == at::kInt && key.size(1) == query.size(1) &&
                                       documents.sizes() == query.sizes().slice(0, 2)),
              "attention: documents must be int32 [B,T], with as many keys as queries");
}

at::Tensor dense_rows(const at::Tensor& tensor) { return tensor.stride(3) == 1 ? tensor : tensor.contiguous(); }

std::tuple<at::Tensor, at::Tensor> attention_cpu(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                                 int64_t window, double scale,
                                                 const OptionalTensor& documents) {
  const at::Tensor boundaries = value_or_undefined(documents);
  check(query, key, value, boundaries);
  const at::Tensor q = dense_rows(query), k = dense_rows(key), v = dense_rows(value);
  at::Tensor out = at::empty(query.sizes(), query.options());
  at::Tensor logsumexp = at::empty({query.size(0), query.size(2), query.size(1)}, query.options());
  if (out.numel() == 0) return {out, logsumexp};
  const Plan plan(q, k, window, boundaries);
  AT_DISPATCH_FLOATING_TYPES(query.scalar_type(), "windowed_attention",
                             [&] { forward<scalar_t>(plan, q, k, v, scale, out, logsumexp); });
  return {out, logsumexp};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> attention_backward_cpu(
    const at::Tensor& grad, const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& out,
    const at::Tensor& logsumexp, int64_t window, double scale, const OptionalTensor& documents) {
  const at::Tensor boundaries = value_or_undefined(documents);
  check(query, key, value, boundaries);
  const at::Tensor q = dense_rows(query), k = dense_rows(key), v = dense_rows(value), g = dense_rows(grad);
  at::Tensor grad_query = at::empty(query.sizes(), query.options());
  at::Tensor grad_key = at::empty(key.sizes(), key.options()), grad_value = at::empty(key.sizes(), key.options());
  if (query.numel() == 0) return {grad_query, grad_key.zero_(), grad_value.zero_()};
  const Plan plan(q, k, window, boundaries);
  AT_DISPATCH_FLOATING_TYPES(query.scalar_type(), "windowed_attention_backward", [&] {
    backward<scalar_t>(plan, g, q, k, v, dense_rows(out), logsumexp.contiguous(), scale, grad_query, grad_key, grad_value);
  });
  return {grad_query, grad_key, grad_value};
}

// Of a block of keys that may end before the queries: for rows whose keys lie in several places. Not recorded.

Plan plan_of_block(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, int64_t offset,
                   const at::Tensor& low) {
  TORCH_CHECK(query.dim() == 4 && key.dim() == 4 && value.sizes() == key.sizes() && query.size(0) == key.size(0) &&
                  query.size(3) == key.size(3) && query.size(2) % key.size(2) == 0 &&
                  query.scalar_type() == key.scalar_type() && query.scalar_type() == value.scalar_type() && offset >= 0,
              "attention_block: expected query [B,T,H,d] and key, value [B,S,K,d] of one dtype, with H a multiple of K, and an "
              "offset of at least 0, got ", query.sizes(), ", ", key.sizes(), ", ", value.sizes(), ", ", offset);
  TORCH_CHECK(!low.defined() || (low.scalar_type() == at::kInt && low.sizes() == query.sizes().slice(0, 2)),
              "attention_block: low must be int32 [B,T]");
  std::vector<int64_t> first(query.size(1), 0);
  if (low.defined()) {
    const at::Tensor dense = low.contiguous();
    const int* values = dense.data_ptr<int>();
    first.assign(values, values + dense.numel());
    for (size_t i = 0; i < first.size(); i++)
      TORCH_CHECK(0 <= first[i] && first[i] <= key.size(1) && (i % query.size(1) == 0 || first[i - 1] <= first[i]),
                  "attention_block: low must lie from 0 to the number of keys and never decrease along T");
  }
  return Plan(query, key, offset, std::move(first));
}

std::tuple<at::Tensor, at::Tensor> attention_block(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                                   int64_t offset, double scale, const OptionalTensor& low) {
  const at::Tensor q = dense_rows(query), k = dense_rows(key), v = dense_rows(value);
  const Plan plan = plan_of_block(q, k, v, offset, value_or_undefined(low));
  at::Tensor out = at::empty(query.sizes(), query.options());
  at::Tensor logsumexp = at::empty({query.size(0), query.size(2), query.size(1)}, query.options());
  if (plan.tiles == 0) return {out.zero_(), logsumexp.fill_(-std::numeric_limits<double>::infinity())};
  if (out.numel() == 0) return {out, logsumexp};
  AT_DISPATCH_FLOATING_TYPES(query.scalar_type(), "attention_block",
                             [&] { forward<scalar_t>(plan, q, k, v, scale, out, logsumexp); });
  return {out, logsumexp};
}

/// `out` and `logsumexp` are those over all blocks.
std::tuple<at::Tensor, at::Tensor, at::Tensor> attention_block_backward(
    const at::Tensor& grad, const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& out,
    const at::Tensor& logsumexp, int64_t offset, double scale, const OptionalTensor& low) {
  const at::Tensor q = dense_rows(query), k = dense_rows(key), v = dense_rows(value), g = dense_rows(grad);
  const Plan plan = plan_of_block(q, k, v, offset, value_or_undefined(low));
  TORCH_CHECK(grad.sizes() == query.sizes() && out.sizes() == query.sizes() &&
                  logsumexp.sizes() == at::IntArrayRef({query.size(0), query.size(2), query.size(1)}),
              "attention_block_backward: grad and out must be as query, logsumexp [B,H,T]");
  at::Tensor grad_query = at::empty(query.sizes(), query.options());
  at::Tensor grad_key = at::empty(key.sizes(), key.options()), grad_value = at::empty(key.sizes(), key.options());
  if (plan.tiles == 0 || query.numel() == 0) return {grad_query.zero_(), grad_key.zero_(), grad_value.zero_()};
  AT_DISPATCH_FLOATING_TYPES(query.scalar_type(), "attention_block_backward", [&] {
    backward<scalar_t>(plan, g, q, k, v, dense_rows(out), logsumexp.contiguous(), scale, grad_query, grad_key, grad_value);
  });
  return {grad_query, grad_key, grad_value};
}

struct WindowedAttention : torch::autograd::Function<WindowedAttention> {
  static variable_list forward(AutogradContext* context, const at::Tensor& query, const at::Tensor& key,
                               const at::Tensor& value, int64_t window, double scale,
                               const OptionalTensor& documents) {
    at::AutoDispatchBelowADInplaceOrView guard;
    auto [out, logsumexp] = attention_cpu(query, key, value, window, scale, documents);
    context->save_for_backward({query, key, value, out, logsumexp, value_or_undefined(documents)});
    context->saved_data["window"] = window;
    context->saved_data["scale"] = scale;
    context->mark_non_differentiable({logsumexp});
    return {out, logsumexp};
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    refuse_double_backward("windowed_attention");
    const auto saved = context->get_saved_variables();
    auto [query, key, value] =
        attention_backward_cpu(grads[0], saved[0], saved[1], saved[2], saved[3], saved[4],
                               context->saved_data["window"].toInt(), context->saved_data["scale"].toDouble(), saved[5]);
    return {query, key, value, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

std::tuple<at::Tensor, at::Tensor> attention_autograd(const at::Tensor& query, const at::Tensor& key,
                                                      const at::Tensor& value, int64_t window, double scale,
                                                      const OptionalTensor& documents) {
  const auto results = WindowedAttention::apply(query, key, value, window, scale, documents);
  return {results[0], results[1]};
}

TORCH_LIBRARY_FRAGMENT(tsumugi, m) {
  m.def(
      "windowed_attention(Tensor query, Tensor key, Tensor value, int window, float scale, Tensor? documents=None) -> "
      "(Tensor, Tensor)");
  m.def(
      "attention_block(Tensor query, Tensor key, Tensor value, int offset, float scale, Tensor? low) -> (Tensor, Tensor)");
  m.def(
      "attention_block_backward(Tensor grad, Tensor query, Tensor key, Tensor value, Tensor out, Tensor logsumexp, int offset, "
      "float scale, Tensor? low) -> (Tensor, Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, m) {
  m.impl("windowed_attention", attention_cpu);
  m.impl("attention_block", attention_block);
  m.impl("attention_block_backward", attention_block_backward);
}
TORCH_LIBRARY_IMPL(tsumugi, AutogradCPU, m) { m.impl("windowed_attention", attention_autograd); }

}  // namespace
}  // namespace tsumugi::attention
