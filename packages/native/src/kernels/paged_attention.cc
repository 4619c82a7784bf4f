// tsumugi::paged_attention: one new token of each of several texts attends to the keys of its own, which lie in pages of a common
// pool. What a row gives is the same bits whatever other rows there are: its keys are taken in tiles cut at multiples of their
// position, in order, and which page holds them does not matter.
#include <vector>

#include "attention_tiles.h"
#include "kernel.h"

namespace tsumugi::attention {
namespace {

/// The keys or values of one layer, [pages, page, K, d].
template <typename T>
struct Pool {
  T* data;
  int64_t page, key_heads, dim;
  int64_t stride() const { return key_heads * dim; }  // from a position to the next
  T* at(int64_t number, int64_t place, int64_t head) const {
    return data + ((number * page + place) * key_heads + head) * dim;
  }
};

/// What one row reaches: the positions first … last, in pages that begin with the one of `first`.
struct Reach {
  const int* pages;
  int64_t first, last;
  int page_of(int64_t position, int64_t page) const { return pages[position / page - first / page]; }
  int64_t first_tile() const { return first / keys_per_tile; }
  int64_t tiles() const { return last / keys_per_tile - first_tile() + 1; }
  int64_t pieces() const { return (tiles() + tiles_per_split - 1) / tiles_per_split; }
};

/// Copies what a row reaches of a tile: keys across [dp, keys_per_tile], values dense [keys_per_tile, dp]. The rest is zero: what
/// lies in a page behind the last token belongs to nobody.
template <typename T>
void pack_reach(const Reach& reach, const Pool<const T>& keys, const Pool<const T>& values, int64_t head, int64_t tile,
                T* across, T* dense) {
  const int64_t dim = keys.dim, dp = padded<T>(dim), begin = tile * keys_per_tile;
  const int64_t from = std::max(reach.first, begin), to = std::min(reach.last + 1, begin + keys_per_tile);
  if (to - from < keys_per_tile || dim < dp) {
    std::fill(across, across + dp * keys_per_tile, T(0));
    std::fill(dense, dense + dp * keys_per_tile, T(0));
  }
  for (int64_t p = from; p < to;) {
    const int64_t number = reach.page_of(p, keys.page), place = p % keys.page;
    const int64_t count = std::min(to - p, keys.page - place);
    transpose(keys.at(number, place, head), keys.stride(), count, dim, across + (p - begin), keys_per_tile);
    const T* value = values.at(number, place, head);
    for (int64_t n = 0; n < count; n++)
      std::copy(value + n * values.stride(), value + n * values.stride() + dim, dense + (p - begin + n) * dp);
    p += count;
  }
}

/// The values of a tile where they lie, if they are as the arithmetic wants them: all reached, in one page, in whole registers.
template <typename T>
const T* values_in_place(const Reach& reach, const Pool<const T>& values, int64_t head, int64_t tile) {
  const int64_t begin = tile * keys_per_tile;
  const bool whole = reach.first <= begin && reach.last + 1 >= begin + keys_per_tile;
  if (!whole || values.page % keys_per_tile != 0 || padded<T>(values.dim) != values.dim) return nullptr;
  return values.at(reach.page_of(begin, values.page), begin % values.page, head);
}

template <typename T>
void attend(const std::vector<Reach>& reaches, const T* query, const Pool<const T>& keys, const Pool<const T>& values,
            int64_t heads, T* out, const at::TensorOptions& options) {
  const int64_t key_heads = keys.key_heads, dim = keys.dim, dp = padded<T>(dim), tile_size = dp * keys_per_tile;
  const Shape shape{1, 1, 0, heads, key_heads, dim};
  const int64_t group = shape.group(), rows = static_cast<int64_t>(reaches.size());
  const View<const T> q{query, heads * dim, heads * dim, dim};
  // Pieces of row r: those of its first key/value head come first.
  std::vector<int64_t> start(rows + 1, 0);
  for (int64_t r = 0; r < rows; r++) start[r + 1] = start[r] + reaches[r].pieces() * key_heads;
  const at::Tensor memory = at::empty({start[rows] * group, Parts<T>::size(dp)}, options);
  const Parts<T> parts{static_cast<T*>(memory.data_ptr()), group, dp};
  const int64_t scratch_size = (Running<T>::size(group, dp) + 2 * tile_size + 63) / 64 * 64;
  const at::Tensor scratch = at::empty({at::get_num_threads(), scratch_size}, options);
  const int64_t grain = std::max<int64_t>(1, serial_elements / (tiles_per_split * tile_size + group * dp));
  at::parallel_for(0, start[rows], grain, [&](int64_t begin, int64_t end) {
    T* const across = static_cast<T*>(scratch.data_ptr()) + at::get_thread_num() * scratch_size;
    T* const dense = across + tile_size;
    int64_t r = std::upper_bound(start.begin(), start.end(), begin) - start.begin() - 1;
    for (int64_t item = begin; item < end; item++) {
      while (item >= start[r + 1]) r++;
      const Reach& reach = reaches[r];
      const int64_t head = (item - start[r]) / reach.pieces(), piece = (item - start[r]) % reach.pieces();
      const Running<T> running(dense + tile_size, 0, group, dp);
      gather_rows(q, shape, r, head, 0, 1, T(log2_e / std::sqrt(static_cast<double>(dim))), running.query);
      const int64_t first = piece * tiles_per_split, last = std::min(first + tiles_per_split, reach.tiles());
      for (int64_t tile = reach.first_tile() + first; tile < reach.first_tile() + last; tile++) {
        const Ranges ranges{&reach.first, reach.last};
        const T* in_place = values_in_place(reach, values, head, tile);
        if (in_place) {
          transpose(keys.at(reach.page_of(tile * keys_per_tile, keys.page), tile * keys_per_tile % keys.page, head),
                    keys.stride(), keys_per_tile, dim, across, keys_per_tile);
          forward_tile(shape, ranges, across, in_place, values.stride(), tile * keys_per_tile, running);
        } else {
          pack_reach(reach, keys, values, head, tile, across, dense);
          forward_tile<T>(shape, ranges, across, dense, dp, tile * keys_per_tile, running);
        }
      }
      parts.put(item, running);
    }
  });

  at::parallel_for(0, rows * key_heads, std::max<int64_t>(1, serial_elements / (group * dp)), [&](int64_t begin, int64_t end) {
    std::vector<T> weighted(dp);
    for (int64_t i = begin; i < end; i++) {
      const int64_t r = i / key_heads, head = i % key_heads, pieces = reaches[r].pieces();
      for (int64_t g = 0; g < group; g++) {
        T total, maximum;
        parts.join(start[r] + head * pieces, start[r] + (head + 1) * pieces, g, weighted.data(), total, maximum);
        T* to = out + (r * heads + head * group + g) * dim;
        const T inverse = T(1) / total;
#pragma omp simd
        for (int64_t e = 0; e < dim; e++) to[e] = weighted[e] * inverse;
      }
    }
  });
}

std::vector<Reach> reaches_of(const at::Tensor& pages, const at::Tensor& first, const at::Tensor& last, int64_t page,
                              int64_t pool_pages) {
  std::vector<Reach> reaches;
  const int64_t most = pages.size(1);
  for (int64_t r = 0; r < pages.size(0); r++) {
    const Reach reach{pages.data_ptr<int>() + r * most, first.data_ptr<int64_t>()[r], last.data_ptr<int64_t>()[r]};
    TORCH_CHECK(0 <= reach.first && reach.first <= reach.last && reach.last / page - reach.first / page < most,
                "paged_attention: row ", r, " reaches from ", reach.first, " to ", reach.last, ", with ", most, " pages of ",
                page);
    for (int64_t i = 0; i <= reach.last / page - reach.first / page; i++)
      TORCH_CHECK(0 <= reach.pages[i] && reach.pages[i] < pool_pages, "paged_attention: row ", r, " names page ",
                  reach.pages[i], " of ", pool_pages);
    reaches.push_back(reach);
  }
  return reaches;
}

at::Tensor paged_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, at::Tensor& key_pool,
                           at::Tensor& value_pool, const at::Tensor& pages, const at::Tensor& first, const at::Tensor& last) {
  TORCH_CHECK(query.dim() == 3 && key.dim() == 3 && key.sizes() == value.sizes() && key.size(0) == query.size(0) &&
                  key.size(2) == query.size(2) && query.size(1) % key.size(1) == 0,
              "paged_attention: expected query [R,H,d] and key, value [R,K,d], got ", query.sizes(), ", ", key.sizes(), ", ",
              value.sizes());
  TORCH_CHECK(key_pool.dim() == 4 && key_pool.sizes() == value_pool.sizes() && key_pool.is_contiguous() &&
                  value_pool.is_contiguous() && key_pool.size(2) == key.size(1) && key_pool.size(3) == key.size(2),
              "paged_attention: pools must be contiguous [pages, page, K, d], they are ", key_pool.sizes(), " and ",
              value_pool.sizes());
  for (const at::Tensor* tensor : {&key, &value, static_cast<const at::Tensor*>(&key_pool),
                                   static_cast<const at::Tensor*>(&value_pool)})
    TORCH_CHECK(tensor->scalar_type() == query.scalar_type(), "paged_attention: all must have one dtype");
  const int64_t rows = query.size(0), heads = query.size(1), page = key_pool.size(1);
  TORCH_CHECK(pages.dim() == 2 && pages.size(0) == rows && pages.scalar_type() == at::kInt && pages.is_contiguous() &&
                  first.numel() == rows && last.numel() == rows && first.scalar_type() == at::kLong &&
                  last.scalar_type() == at::kLong && first.is_contiguous() && last.is_contiguous(),
              "paged_attention: expected pages int32 [R, most], first and last int64 [R]");
  const std::vector<Reach> reaches = reaches_of(pages, first, last, page, key_pool.size(0));
  const at::Tensor q = query.contiguous(), k = key.contiguous(), v = value.contiguous();
  at::Tensor out = at::empty(q.sizes(), q.options());
  AT_DISPATCH_FLOATING_TYPES(query.scalar_type(), "paged_attention", [&] {
    using T = scalar_t;
    const Pool<T> keys{key_pool.data_ptr<T>(), page, key.size(1), key.size(2)};
    const Pool<T> values{value_pool.data_ptr<T>(), page, key.size(1), key.size(2)};
    const int64_t size = keys.stride();
    for (int64_t r = 0; r < rows; r++) {
      const int64_t number = reaches[r].page_of(reaches[r].last, page), place = reaches[r].last % page;
      std::copy(k.data_ptr<T>() + r * size, k.data_ptr<T>() + (r + 1) * size, keys.at(number, place, 0));
      std::copy(v.data_ptr<T>() + r * size, v.data_ptr<T>() + (r + 1) * size, values.at(number, place, 0));
    }
    attend<T>(reaches, q.data_ptr<T>(), {keys.data, page, keys.key_heads, keys.dim},
              {values.data, page, keys.key_heads, keys.dim}, heads, out.data_ptr<T>(), q.options());
  });
  return out;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def(
      "paged_attention(Tensor query, Tensor key, Tensor value, Tensor(a!) key_pool, Tensor(b!) value_pool, Tensor pages, "
      "Tensor first, Tensor last) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("paged_attention", paged_attention); }

}  // namespace tsumugi::attention
