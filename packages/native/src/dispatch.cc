// Calls any libtorch operator by its schema. How each argument is converted is planned once per operator; a call then
// fills one reused stack, goes through the dispatcher boxed, and turns what comes back into handles and numbers.
#include <ATen/core/dispatch/Dispatcher.h>

#include <sstream>

#include "addon.h"

namespace tsumugi {
namespace {

enum class Kind { Tensor, Tensors, OptionalTensors, Scalar, Int, Ints, Float, Floats, Bool, Bools, String, Device, Generator, Unsupported };

struct Slot {
  Kind kind;
  bool optional;         // null is allowed and means None
  int32_t fixed_length;  // int[2]: a single number stands for two
  bool has_default;
  c10::IValue fallback;
  std::string name;
  std::string type;
};

struct Operator {
  c10::OperatorHandle handle;
  std::string name;
  std::vector<Slot> slots;
};

thread_local std::vector<Operator> operators;  // each thread of JavaScript looks its operators up itself

Slot plan(const c10::Argument& argument) {
  Slot slot{Kind::Unsupported, false, argument.N().value_or(0), argument.default_value().has_value(), {}, argument.name(),
            argument.type()->annotation_str()};
  if (slot.has_default) slot.fallback = *argument.default_value();
  c10::TypePtr type = argument.type();
  if (auto optional = type->cast<c10::OptionalType>()) {
    slot.optional = true;
    type = optional->getElementType();
  }
  switch (type->kind()) {
    case c10::TypeKind::TensorType: slot.kind = Kind::Tensor; break;
    case c10::TypeKind::NumberType: slot.kind = Kind::Scalar; break;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: slot.kind = Kind::Int; break;
    case c10::TypeKind::FloatType: slot.kind = Kind::Float; break;
    case c10::TypeKind::BoolType: slot.kind = Kind::Bool; break;
    case c10::TypeKind::StringType: slot.kind = Kind::String; break;
    case c10::TypeKind::DeviceObjType: slot.kind = Kind::Device; break;
    case c10::TypeKind::GeneratorType: slot.kind = Kind::Generator; break;
    case c10::TypeKind::ListType: {
      const c10::TypePtr element = type->castRaw<c10::ListType>()->getElementType();
      switch (element->kind()) {
        case c10::TypeKind::TensorType: slot.kind = Kind::Tensors; break;
        case c10::TypeKind::OptionalType: slot.kind = Kind::OptionalTensors; break;
        case c10::TypeKind::IntType:
        case c10::TypeKind::SymIntType: slot.kind = Kind::Ints; break;
        case c10::TypeKind::FloatType: slot.kind = Kind::Floats; break;
        case c10::TypeKind::BoolType: slot.kind = Kind::Bools; break;
        default: break;
      }
      break;
    }
    default: break;
  }
  return slot;
}

[[noreturn]] void refuse(const Operator& op, size_t index, const std::string& problem) {
  const Slot& slot = op.slots[index];
  std::ostringstream text;
  text << op.name << ": argument " << index + 1 << " '" << slot.name << "' (" << slot.type << ") " << problem;
  throw CallError{"bad-argument", text.str()};
}

c10::IValue to_scalar(napi_env env, napi_value value, napi_valuetype type, const char* what) {
  if (type == napi_boolean) return c10::IValue(to_bool(env, value, what));
  const double number = type == napi_bigint ? 0 : to_double(env, value, what);
  const auto integer = type == napi_bigint ? to_int64(env, value, what) : static_cast<int64_t>(number);
  // An integral number is an integer scalar: it never promotes an integer tensor, and a float tensor stays what it is.
  if (type == napi_bigint || (static_cast<double>(integer) == number && std::abs(number) < 9007199254740992.0))
    return c10::IValue(integer);
  return c10::IValue(number);
}

template <typename T, typename Convert>
c10::IValue to_list(napi_env env, napi_value value, Convert convert) {
  uint32_t length;
  if (napi_get_array_length(env, value, &length) != napi_ok)
    throw CallError{"bad-argument", "expected an array"};
  std::vector<T> list;
  list.reserve(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    napi_get_element(env, value, i, &element);
    list.push_back(convert(element));
  }
  return c10::IValue(std::move(list));
}

c10::IValue convert(napi_env env, const Operator& op, size_t index, napi_value value) {
  const Slot& slot = op.slots[index];
  const char* what = slot.type.c_str();
  napi_valuetype type;
  napi_typeof(env, value, &type);
  if (type == napi_undefined && slot.has_default) return slot.fallback;
  if (type == napi_undefined || type == napi_null) {
    if (slot.optional) return c10::IValue();
    refuse(op, index, type == napi_null ? "must not be null" : "is missing");
  }
  switch (slot.kind) {
    case Kind::Tensor: throw CallError{"bad-argument", "expected a Tensor"};
    case Kind::Tensors:
      return c10::IValue(to_tensors(env, value, what));
    case Kind::OptionalTensors: {
      c10::List<c10::optional<at::Tensor>> list;
      for (auto& tensor : to_tensors(env, value, what))
        list.push_back(tensor.defined() ? c10::optional<at::Tensor>(std::move(tensor)) : c10::nullopt);
      return c10::IValue(std::move(list));
    }
    case Kind::Scalar: return to_scalar(env, value, type, what);
    case Kind::Int: return c10::IValue(to_int64(env, value, what));
    case Kind::Ints:
      if (type == napi_number && slot.fixed_length > 0)
        return c10::IValue(std::vector<int64_t>(slot.fixed_length, to_int64(env, value, what)));
      return c10::IValue(to_ints(env, value, what));
    case Kind::Float: return c10::IValue(to_double(env, value, what));
    case Kind::Floats: return to_list<double>(env, value, [&](napi_value v) { return to_double(env, v, what); });
    case Kind::Bool: return c10::IValue(to_bool(env, value, what));
    case Kind::Bools: {
      c10::List<bool> list;
      uint32_t length = 0;
      napi_get_array_length(env, value, &length);
      for (uint32_t i = 0; i < length; i++) {
        napi_value element;
        napi_get_element(env, value, i, &element);
        list.push_back(to_bool(env, element, what));
      }
      return c10::IValue(std::move(list));
    }
    case Kind::String: return c10::IValue(to_string(env, value, what));
    case Kind::Device: return c10::IValue(c10::Device(to_string(env, value, what)));
    case Kind::Generator: {
      void* generator = nullptr;
      if (napi_get_value_external(env, value, &generator) != napi_ok) throw CallError{"bad-argument", "expected a Generator"};
      return c10::IValue(*static_cast<at::Generator*>(generator));
    }
    default: refuse(op, index, "is of a type that cannot be passed from JavaScript");
  }
}

napi_value from_value(napi_env env, const c10::IValue& value) {
  if (value.isTensor()) return from_handle(env, keep(value.toTensor()));
  if (value.isInt()) return from_double(env, static_cast<double>(value.toInt()));
  if (value.isDouble()) return from_double(env, value.toDouble());
  if (value.isBool()) return from_bool(env, value.toBool());
  if (value.isString()) return from_string(env, value.toStringRef());
  if (value.isNone()) {
    napi_value null;
    napi_get_null(env, &null);
    return null;
  }
  if (value.isScalar()) return from_double(env, value.toScalar().toDouble());
  if (value.isList()) {
    const auto list = value.toListRef();
    napi_value array;
    napi_create_array_with_length(env, list.size(), &array);
    for (size_t i = 0; i < list.size(); i++) napi_set_element(env, array, i, from_value(env, list[i]));
    return array;
  }
  throw CallError{"bad-result", "an operator returned " + value.tagKind() + ", which JavaScript cannot hold"};
}

constexpr size_t max_arguments = 32;
constexpr size_t usual_arguments = 6;
thread_local std::vector<c10::IValue> stack;

/// One argument onto the stack.
void push(napi_env env, const Operator& op, size_t index, napi_value value) {
  // Tensors first: they are most of what is passed, and a handle needs no look at its type.
  if (op.slots[index].kind == Kind::Tensor) {
    Handle handle;
    if (napi_get_value_int32(env, value, &handle) == napi_ok) {
      if (const at::Tensor* tensor = lookup(handle)) {
        stack.emplace_back(*tensor);
        return;
      }
      throw CallError{"disposed", op.name + ": argument '" + op.slots[index].name + "' is a tensor that was already freed"};
    }
  }
  try {
    stack.push_back(convert(env, op, index, value));
  } catch (const CallError& error) {
    if (error.code == std::string("disposed") || error.message.rfind(op.name, 0) == 0) throw;
    refuse(op, index, error.message);
  }
}

/// Leaves the operator's results on `stack`.
const Operator& invoke(napi_env env, napi_callback_info info) {
  napi_value values[max_arguments];
  // Node-API fills every place that is asked for and not passed: ask for few, and again in the rare case of more.
  size_t count = usual_arguments;
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  if (count > usual_arguments) {
    count = max_arguments;
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  }
  int32_t id = -1;
  if (count < 1 || napi_get_value_int32(env, values[0], &id) != napi_ok || id < 0 ||
      static_cast<size_t>(id) >= operators.size())
    throw CallError{"bad-argument", "call: unknown operator id"};
  const Operator& op = operators[id];
  const size_t slots = op.slots.size();
  if (count - 1 > slots)
    throw CallError{"bad-argument", op.name + ": takes at most " + std::to_string(slots) + " arguments, got " +
                                        std::to_string(count - 1)};
  stack.clear();
  for (size_t i = 0; i + 1 < count; i++) push(env, op, i, values[i + 1]);
  for (size_t i = count - 1; i < slots; i++) {
    const Slot& slot = op.slots[i];
    if (slot.has_default) stack.push_back(slot.fallback);
    else if (slot.optional) stack.emplace_back();
    else refuse(op, i, "is missing");
  }
  op.handle.callBoxed(stack);
  return op;
}

/// call(id, ...arguments) → handle, number, …, or an array of them when the operator returns several.
napi_value call(napi_env env, napi_callback_info info) {
  invoke(env, info);
  napi_value result = nullptr;
  if (stack.size() == 1 && stack[0].isTensor()) {
    result = from_handle(env, keep(std::move(stack[0]).toTensor()));
  } else if (stack.size() == 1) {
    result = from_value(env, stack[0]);
  } else if (stack.size() > 1) {
    napi_create_array_with_length(env, stack.size(), &result);
    for (size_t i = 0; i < stack.size(); i++) napi_set_element(env, result, i, from_value(env, stack[i]));
  }
  stack.clear();
  return result;
}

/// run(id, ...arguments): as call, for in-place operators whose result is an argument. Returns nothing.
napi_value run(napi_env env, napi_callback_info info) {
  invoke(env, info);
  stack.clear();
  return nullptr;
}

/// find(name, overload) → id, or −1 when this libtorch has no such operator.
napi_value find(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  const std::string name = to_string(env, arguments[0], "name");
  const std::string overload = to_string(env, arguments[1], "overload");
  const auto found = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!found) return from_double(env, -1);
  Operator op{*found, overload.empty() ? name : name + "." + overload, {}};
  for (const auto& argument : found->schema().arguments()) op.slots.push_back(plan(argument));
  operators.push_back(std::move(op));
  return from_double(env, static_cast<double>(operators.size() - 1));
}

/// schema(id) → the schema as libtorch prints it.
napi_value schema(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  std::ostringstream text;
  text << operators.at(to_int64(env, arguments[0], "id")).handle.schema();
  return from_string(env, text.str());
}

/// operatorNames() → every name the dispatcher knows, "aten::add.Tensor" and so on.
napi_value operator_names(napi_env env, napi_callback_info) {
  const auto names = c10::Dispatcher::singleton().getAllOpNames();
  napi_value array;
  napi_create_array_with_length(env, names.size(), &array);
  for (size_t i = 0; i < names.size(); i++)
    napi_set_element(env, array, i,
                     from_string(env, names[i].overload_name.empty() ? names[i].name : names[i].name + "." + names[i].overload_name));
  return array;
}

/// free(handles: Int32Array, count)
napi_value free_handles(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  const auto [bytes, length] = to_bytes(env, arguments[0], "handles");
  const auto count = static_cast<size_t>(to_int64(env, arguments[1], "count"));
  if (count * sizeof(Handle) > length) throw CallError{"bad-argument", "free: count is larger than the array"};
  const auto* handles = reinterpret_cast<const Handle*>(bytes);
  for (size_t i = 0; i < count; i++) release(handles[i]);
  return nullptr;
}

}  // namespace

std::vector<Export> dispatch_exports() {
  return {{"find", entry<find>},     {"schema", entry<schema>}, {"operatorNames", entry<operator_names>},
          {"call", entry<call>},     {"run", entry<run>},       {"free", entry<free_handles>}};
}

}  // namespace tsumugi
