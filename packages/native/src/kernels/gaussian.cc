// tsumugi::gaussian_log_probability, squashed_gaussian_sample and clipped_surrogate: what policy gradients are made of, each in one
// pass. Small batches spend their time between operators. All can be differentiated again, by the operators that they stand for.
#include <cmath>

#include "again.h"
#include "kernel.h"

namespace tsumugi {
namespace {

constexpr double log_two_pi = 1.8378770664093453;

// --- log N(a; μ, σ²), summed over the last dimension -----------------------------------------------------------------

at::Tensor log_probability_of_operators(const at::Tensor& actions, const at::Tensor& mean, const at::Tensor& variance) {
  const at::Tensor squares = (actions - mean).square() / variance;
  return (variance.log() + squares + log_two_pi).sum(-1) * -0.5;
}

at::Tensor log_probability(const at::Tensor& actions, const at::Tensor& mean, const at::Tensor& variance) {
  TORCH_CHECK(mean.dim() >= 1 && actions.sizes() == mean.sizes() && variance.sizes() == mean.sizes() &&
                  actions.scalar_type() == mean.scalar_type() && variance.scalar_type() == mean.scalar_type(),
              "gaussian_log_probability: actions ", actions.sizes(), ", mean ", mean.sizes(), " and variance ",
              variance.sizes(), " must have one shape and dtype");
  const Rows a = rows_of(actions), m = rows_of(mean), v = rows_of(variance);
  at::Tensor result = at::empty(mean.sizes().slice(0, mean.dim() - 1), mean.options());
  AT_DISPATCH_FLOATING_TYPES(mean.scalar_type(), "gaussian_log_probability", [&] {
    auto* out = result.data_ptr<scalar_t>();
    for (int64_t row = 0; row < m.count; row++) {
      const auto *x = a.data<scalar_t>() + row * a.stride, *mu = m.data<scalar_t>() + row * m.stride;
      const auto* s = v.data<scalar_t>() + row * v.stride;
      scalar_t sum = 0;
      for (int64_t i = 0; i < m.length; i++) {
        const scalar_t d = x[i] - mu[i];
        sum += std::log(s[i]) + d * d / s[i] + static_cast<scalar_t>(log_two_pi);
      }
      out[row] = sum * scalar_t(-0.5);
    }
  });
  return result;
}

struct LogProbability : torch::autograd::Function<LogProbability> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& actions, const at::Tensor& mean,
                            const at::Tensor& variance) {
    ctx->save_for_backward({actions, mean, variance});
    return log_probability(actions, mean, variance);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    if (at::GradMode::is_enabled())
      return gradients_again(ctx, saved, gradients, 3, [](const variable_list& of) {
        return variable_list{log_probability_of_operators(of[0], of[1], of[2])};
      });
    const Rows a = rows_of(saved[0]), m = rows_of(saved[1]), v = rows_of(saved[2]);
    const at::Tensor g = gradients[0].contiguous();
    const auto wanted = [&](size_t i) {
      return ctx->needs_input_grad(i) ? at::empty(saved[1].sizes(), saved[1].options()) : at::Tensor();
    };
    at::Tensor d_actions = wanted(0), d_mean = wanted(1), d_variance = wanted(2);
    AT_DISPATCH_FLOATING_TYPES(g.scalar_type(), "gaussian_log_probability_backward", [&] {
      const auto pointer = [](at::Tensor& of) { return of.defined() ? of.data_ptr<scalar_t>() : nullptr; };
      scalar_t *da = pointer(d_actions), *dm = pointer(d_mean), *dv = pointer(d_variance);
      for (int64_t row = 0; row < m.count; row++) {
        const auto *x = a.data<scalar_t>() + row * a.stride, *mu = m.data<scalar_t>() + row * m.stride;
        const auto* s = v.data<scalar_t>() + row * v.stride;
        const scalar_t up = g.data_ptr<scalar_t>()[row];
        for (int64_t i = 0; i < m.length; i++) {
          const int64_t at = row * m.length + i;
          const scalar_t z = (x[i] - mu[i]) / s[i];
          if (da) da[at] = -up * z;
          if (dm) dm[at] = up * z;
          if (dv) dv[at] = up * scalar_t(0.5) * (z * z - 1 / s[i]);
        }
      }
    });
    return {d_actions, d_mean, d_variance};
  }
};

at::Tensor log_probability_autograd(const at::Tensor& actions, const at::Tensor& mean, const at::Tensor& variance) {
  return LogProbability::apply(actions, mean, variance);
}

// --- a = tanh(x) with x = μ + σε, and its log-probability -------------------------------------------------------------
//
//   log π(a) = −½ Σ (log 2π + log σ² + ε²) − Σ log(1 − tanh²x)      log(1 − tanh²x) = 2 (log 2 − x − softplus(−2x))

constexpr double log_two = 0.6931471805599453;

variable_list squashed_of_operators(const at::Tensor& mean, const at::Tensor& variance, const at::Tensor& noise) {
  const at::Tensor x = mean + variance.sqrt() * noise;
  const at::Tensor determinant = (log_two - x - at::softplus(x * -2)) * 2;
  return {x.tanh(), ((variance.log() + noise.square() + log_two_pi) * -0.5 - determinant).sum(-1)};
}

std::tuple<at::Tensor, at::Tensor> squashed(const at::Tensor& mean, const at::Tensor& variance, const at::Tensor& noise) {
  TORCH_CHECK(mean.dim() >= 1 && variance.sizes() == mean.sizes() && noise.sizes() == mean.sizes() &&
                  variance.scalar_type() == mean.scalar_type() && noise.scalar_type() == mean.scalar_type(),
              "squashed_gaussian_sample: mean ", mean.sizes(), ", variance ", variance.sizes(), " and noise ", noise.sizes(),
              " must have one shape and dtype");
  const Rows m = rows_of(mean), v = rows_of(variance), e = rows_of(noise);
  at::Tensor actions = at::empty(mean.sizes(), mean.options());
  at::Tensor log_probability = at::empty(mean.sizes().slice(0, mean.dim() - 1), mean.options());
  AT_DISPATCH_FLOATING_TYPES(mean.scalar_type(), "squashed_gaussian_sample", [&] {
    auto *a = actions.data_ptr<scalar_t>(), *out = log_probability.data_ptr<scalar_t>();
    for (int64_t row = 0; row < m.count; row++, a += m.length) {
      const auto *mu = m.data<scalar_t>() + row * m.stride, *s = v.data<scalar_t>() + row * v.stride;
      const auto* eps = e.data<scalar_t>() + row * e.stride;
      scalar_t sum = 0;
      for (int64_t i = 0; i < m.length; i++) {
        const scalar_t x = mu[i] + std::sqrt(s[i]) * eps[i];
        // softplus(−2x), from the side on which its exponential stays small
        const scalar_t softplus = std::log1p(std::exp(-2 * std::abs(x))) + (x < 0 ? -2 * x : scalar_t(0));
        a[i] = std::tanh(x);
        sum += scalar_t(-0.5) * (std::log(s[i]) + eps[i] * eps[i] + static_cast<scalar_t>(log_two_pi)) -
               2 * (static_cast<scalar_t>(log_two) - x - softplus);
      }
      out[row] = sum;
    }
  });
  return {actions, log_probability};
}

struct Squashed : torch::autograd::Function<Squashed> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& mean, const at::Tensor& variance,
                               const at::Tensor& noise) {
    const auto [actions, log_probability] = squashed(mean, variance, noise);
    ctx->save_for_backward({mean, variance, noise, actions});
    return {actions, log_probability};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &mean = saved[0], &variance = saved[1], &noise = saved[2];
    // The derivatives by the noise are asked for by nobody but a test.
    if (at::GradMode::is_enabled() || ctx->needs_input_grad(2))
      return gradients_again(ctx, {mean, variance, noise}, gradients, 3,
                             [](const variable_list& of) { return squashed_of_operators(of[0], of[1], of[2]); });
    const at::Tensor by_action = gradients[0].defined() ? gradients[0].contiguous() : at::zeros_like(saved[3]);
    const at::Tensor by_log = gradients[1].defined() ? gradients[1].contiguous()
                                                     : at::zeros(mean.sizes().slice(0, mean.dim() - 1), mean.options());
    const Rows v = rows_of(variance), e = rows_of(noise);
    at::Tensor d_mean = at::empty(mean.sizes(), mean.options()), d_variance = at::empty(mean.sizes(), mean.options());
    AT_DISPATCH_FLOATING_TYPES(mean.scalar_type(), "squashed_gaussian_sample_backward", [&] {
      const auto *a = saved[3].data_ptr<scalar_t>(), *ga = by_action.data_ptr<scalar_t>();
      auto *dm = d_mean.data_ptr<scalar_t>(), *dv = d_variance.data_ptr<scalar_t>();
      for (int64_t row = 0, at = 0; row < v.count; row++) {
        const auto *s = v.data<scalar_t>() + row * v.stride, *eps = e.data<scalar_t>() + row * e.stride;
        const scalar_t gl = by_log.data_ptr<scalar_t>()[row];
        for (int64_t i = 0; i < v.length; i++, at++) {
          // By x: of tanh, and of −log(1 − tanh²x).
          const scalar_t dx = ga[at] * (1 - a[at] * a[at]) + gl * 2 * a[at];
          dm[at] = dx;
          dv[at] = scalar_t(0.5) * (dx * eps[i] / std::sqrt(s[i]) - gl / s[i]);
        }
      }
    });
    return {ctx->needs_input_grad(0) ? d_mean : at::Tensor(), ctx->needs_input_grad(1) ? d_variance : at::Tensor(),
            at::Tensor()};
  }
};

std::tuple<at::Tensor, at::Tensor> squashed_autograd(const at::Tensor& mean, const at::Tensor& variance,
                                                     const at::Tensor& noise) {
  const variable_list outputs = Squashed::apply(mean, variance, noise);
  return {outputs[0], outputs[1]};
}

// --- mean of min(ρ A, clip(ρ, 1 − ε, 1 + ε) A), ρ = exp(log π − log π_old) --------------------------------------------

at::Tensor surrogate_of_operators(const at::Tensor& log_probability, const at::Tensor& old, const at::Tensor& advantages,
                                  double clip) {
  const at::Tensor ratio = (log_probability - old).exp();
  return at::minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean();
}

/// The mean, and where `slope` is given the derivative of each term by its log-probability.
template <typename T>
T surrogate_rows(const T* log_probability, const T* old, const T* advantages, int64_t count, T clip, T* slope) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    const T ratio = std::exp(log_probability[i] - old[i]);
    const T clipped = std::min(std::max(ratio, 1 - clip), 1 + clip);
    const T free = ratio * advantages[i], held = clipped * advantages[i];
    sum += free <= held ? free : held;
    if (slope) slope[i] = free <= held ? free : T(0);
  }
  return static_cast<T>(sum / static_cast<double>(count));
}

void check_surrogate(const at::Tensor& log_probability, const at::Tensor& old, const at::Tensor& advantages) {
  TORCH_CHECK(log_probability.numel() > 0 && log_probability.sizes() == old.sizes() &&
                  log_probability.sizes() == advantages.sizes() && log_probability.scalar_type() == old.scalar_type() &&
                  log_probability.scalar_type() == advantages.scalar_type(),
              "clipped_surrogate: log-probabilities ", log_probability.sizes(), ", old ones ", old.sizes(),
              " and advantages ", advantages.sizes(), " must have one shape and dtype, and at least one element");
}

at::Tensor surrogate(const at::Tensor& log_probability, const at::Tensor& old, const at::Tensor& advantages, double clip) {
  check_surrogate(log_probability, old, advantages);
  const at::Tensor p = log_probability.contiguous(), q = old.contiguous(), a = advantages.contiguous();
  at::Tensor result = at::empty({}, p.options());
  AT_DISPATCH_FLOATING_TYPES(p.scalar_type(), "clipped_surrogate", [&] {
    *result.data_ptr<scalar_t>() =
        surrogate_rows<scalar_t>(p.data_ptr<scalar_t>(), q.data_ptr<scalar_t>(), a.data_ptr<scalar_t>(), p.numel(),
                                 static_cast<scalar_t>(clip), nullptr);
  });
  return result;
}

struct Surrogate : torch::autograd::Function<Surrogate> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& log_probability, const at::Tensor& old,
                            const at::Tensor& advantages, double clip) {
    ctx->save_for_backward({log_probability, old, advantages});
    ctx->saved_data["clip"] = clip;
    return surrogate(log_probability, old, advantages, clip);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const double clip = ctx->saved_data["clip"].toDouble();
    // The derivatives by what is not learned are asked for by nobody but a test.
    if (at::GradMode::is_enabled() || ctx->needs_input_grad(1) || ctx->needs_input_grad(2))
      return gradients_again(ctx, saved, gradients, 4, [clip](const variable_list& of) {
        return variable_list{surrogate_of_operators(of[0], of[1], of[2], clip)};
      });
    const at::Tensor p = saved[0].contiguous(), q = saved[1].contiguous(), a = saved[2].contiguous();
    at::Tensor slope = at::empty(p.sizes(), p.options());
    AT_DISPATCH_FLOATING_TYPES(p.scalar_type(), "clipped_surrogate_backward", [&] {
      auto* d = slope.data_ptr<scalar_t>();
      surrogate_rows<scalar_t>(p.data_ptr<scalar_t>(), q.data_ptr<scalar_t>(), a.data_ptr<scalar_t>(), p.numel(),
                               static_cast<scalar_t>(clip), d);
      const scalar_t share = *gradients[0].contiguous().data_ptr<scalar_t>() / static_cast<scalar_t>(p.numel());
      for (int64_t i = 0; i < p.numel(); i++) d[i] *= share;
    });
    return {slope, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor surrogate_autograd(const at::Tensor& log_probability, const at::Tensor& old, const at::Tensor& advantages,
                              double clip) {
  return Surrogate::apply(log_probability, old, advantages, clip);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def("gaussian_log_probability(Tensor actions, Tensor mean, Tensor variance) -> Tensor");
  library.def("squashed_gaussian_sample(Tensor mean, Tensor variance, Tensor noise) -> (Tensor, Tensor)");
  library.def("clipped_surrogate(Tensor log_probability, Tensor old, Tensor advantages, float clip) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) {
  library.impl("gaussian_log_probability", log_probability);
  library.impl("squashed_gaussian_sample", squashed);
  library.impl("clipped_surrogate", surrogate);
}
TORCH_LIBRARY_IMPL(tsumugi, AutogradCPU, library) {
  library.impl("gaussian_log_probability", log_probability_autograd);
  library.impl("squashed_gaussian_sample", squashed_autograd);
  library.impl("clipped_surrogate", surrogate_autograd);
}

}  // namespace tsumugi
