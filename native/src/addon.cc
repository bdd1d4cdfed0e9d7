// SPDX-License-Identifier: MIT
// Node-API glue over the C shim: argument and result conversion, and the
// per-environment state that gives a thread back when its environment ends.
// It holds no logic of its own; lib/host/linux/ gives the numbers their meaning.
#include <napi.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <rseq_slice/slice.h>

#include "futex.h"
#include "ids.h"
#include "mapping.h"

namespace
{

// A library loaded twice in one environment attaches twice: each has its
// reference, and the thread is given back with the last.
struct EnvironmentData {
	rseq_slice_thread *thread = nullptr;
	int references = 0;
};

// Runs on the thread that attached, before its memory goes.
void GiveThreadBack(void *argument)
{
	auto *data = static_cast<EnvironmentData *>(argument);
	for (; data->references > 0; data->references--)
		rseq_slice_detach(data->thread);
	data->thread = nullptr;
}

EnvironmentData *Data(const Napi::CallbackInfo &info)
{
	return info.Env().GetInstanceData<EnvironmentData>();
}

// What detaching answered; the reference is gone unless the thread is not ours.
int DropReference(Napi::Env env, EnvironmentData *data)
{
	int error = rseq_slice_detach(data->thread);
	if (error != -ESRCH && --data->references == 0) {
		data->thread = nullptr;
		napi_remove_env_cleanup_hook(env, GiveThreadBack, data);
	}
	return error;
}

rseq_slice_registration Policy(const Napi::CallbackInfo &info)
{
	return static_cast<rseq_slice_registration>(info[0].As<Napi::Number>().Int32Value());
}

rseq_slice_abi_version AbiVersion(const Napi::CallbackInfo &info)
{
	return static_cast<rseq_slice_abi_version>(info[1].As<Napi::Number>().Int32Value());
}

// Memory as an ArrayBuffer, released once: when that is gone, or at once if
// there is none. Node may call the finalizer of a buffer that it refused, at the
// refusal or later, and does not say whether it will.
class View
{
public:
	using Release = void (*)(void *memory, size_t length, void *hint);

	// napi_ok and the buffer; else no exception is pending and the memory is released.
	static napi_status Create(napi_env env, void *memory, size_t length, Release release,
		void *hint, napi_value *buffer)
	{
		auto *view = new View{ memory, length, release, hint };
		napi_status status = napi_create_external_arraybuffer(
			env, memory, length, Finalize, view, buffer);
		if (status != napi_ok) {
			// Whatever the status says: Node 20 throws, and calls it a generic failure.
			bool is_pending = false;
			napi_value exception;
			if (napi_is_exception_pending(env, &is_pending) == napi_ok && is_pending)
				napi_get_and_clear_last_exception(env, &exception);
			view->ReleaseOnce();
			if (status == napi_no_external_buffers_allowed || view->is_final) {
				delete view;
				return status;
			}
		}
		view->is_settled = true;
		return status;
	}

private:
	View(void *of, size_t bytes, Release how, void *with)
	    : memory(of), length(bytes), release(how), hint(with)
	{
	}

	static void Finalize(napi_env, void *, void *argument)
	{
		auto *view = static_cast<View *>(argument);
		view->is_final = true;
		view->ReleaseOnce();
		if (view->is_settled)
			delete view;
	}

	void ReleaseOnce()
	{
		if (release != nullptr)
			release(memory, length, hint);
		release = nullptr;
	}

	void *memory;
	size_t length;
	Release release;
	void *hint;
	bool is_final = false; // the finalizer has been called
	bool is_settled = false; // and deletes this
};

// The loaded objects that use rseq -> [{ object, kind, isAllocator }]
Napi::Array Users(Napi::Env env)
{
	std::vector<rseq_slice_user> users(
		rseq_slice_get_users(nullptr, 0, sizeof(rseq_slice_user)));
	// One that was loaded meanwhile is left out, one that went leaves no hole.
	size_t count = std::min(users.size(),
		rseq_slice_get_users(users.data(), users.size(), sizeof(rseq_slice_user)));
	Napi::Array result = Napi::Array::New(env, count);
	for (size_t i = 0; i < count; i++) {
		Napi::Object user = Napi::Object::New(env);
		user["object"] = Napi::String::New(env, users[i].object);
		user["kind"] = Napi::Number::New(env, users[i].kind);
		user["isAllocator"] = Napi::Boolean::New(env, users[i].is_allocator != 0);
		result[static_cast<uint32_t>(i)] = user;
	}
	return result;
}

// probe(policy, ABI version): what there is, and what attaching so would say
Napi::Value Probe(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	rseq_slice_libc libc_state;
	rseq_slice_kernel kernel;
	rseq_slice_registration registration;
	rseq_slice_step step;
	rseq_slice_get_libc(&libc_state, sizeof(libc_state));
	int error = rseq_slice_get_kernel(&kernel, sizeof(kernel));
	int check = rseq_slice_check_attach(Policy(info), AbiVersion(info), &registration, &step);
	Napi::Object report = Napi::Object::New(env);
	report["error"] = Napi::Number::New(env, -error);
	report["featureSize"] = Napi::Number::New(env, kernel.feature_size);
	report["alignment"] = Napi::Number::New(env, kernel.alignment);
	report["query"] = Napi::Number::New(env, kernel.query < 0 ? -kernel.query : 0);
	report["yieldResult"] = Napi::Number::New(env, kernel.yield);
	report["yieldRfcResult"] = Napi::Number::New(env, kernel.yield_rfc);
	report["abiVersion"] = Napi::Number::New(env, kernel.abi_version);
	report["enabled"] = Napi::Number::New(env, rseq_slice_get_enabled());
	report["isRegistered"] = Napi::Number::New(env, rseq_slice_is_registered());
	report["libcExported"] = Napi::Boolean::New(env, libc_state.exported != 0);
	report["libcRegistered"] = Napi::Boolean::New(env, libc_state.registered != 0);
	report["libcSize"] = Napi::Number::New(env, libc_state.size);
	report["libcFlags"] = Napi::Number::New(env, libc_state.flags);
	report["users"] = Users(env);
	report["errno"] = Napi::Number::New(env, -check);
	report["step"] = Napi::Number::New(env, step);
	report["registration"] = Napi::Number::New(env, registration);
	return report;
}

// attach(policy, ABI version) ->
//   { errno, step, users } | { errno: 0, registration, abiVersion, length }
Napi::Value Attach(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	EnvironmentData *data = Data(info);
	Napi::Object result = Napi::Object::New(env);
	rseq_slice_step step = RSEQ_SLICE_STEP_NONE;
	rseq_slice_thread *thread;
	int error = rseq_slice_attach(Policy(info), AbiVersion(info), &thread, &step);
	if (error == 0 && data->references == 0 &&
		napi_add_env_cleanup_hook(env, GiveThreadBack, data) != napi_ok) {
		// Nobody would give the thread back.
		rseq_slice_detach(thread);
		error = -ENOMEM;
		step = RSEQ_SLICE_STEP_MEMORY;
	}
	if (error == 0) {
		data->thread = thread;
		data->references++;
	}
	result["errno"] = Napi::Number::New(env, -error);
	result["step"] = Napi::Number::New(env, step);
	if (error == 0) {
		result["registration"] = Napi::Number::New(
			env, rseq_slice_get_registration(thread));
		result["abiVersion"] = Napi::Number::New(env, rseq_slice_get_abi_version(thread));
		result["length"] = Napi::Number::New(env, rseq_slice_get_length(thread));
	} else {
		result["users"] = step == RSEQ_SLICE_STEP_USERS ? Users(env)
								: Napi::Array::New(env);
	}
	// JavaScript gets the exception then, and does not know that it has the thread.
	if (error == 0 && env.IsExceptionPending())
		DropReference(env, data);
	return result;
}

Napi::Value Detach(const Napi::CallbackInfo &info)
{
	EnvironmentData *data = Data(info);
	return Napi::Number::New(
		info.Env(), data->thread == nullptr ? 0 : -DropReference(info.Env(), data));
}

// The 4 bytes of slice_ctrl, or null where the runtime forbids external memory.
Napi::Value ControlWord(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	rseq_slice_thread *thread = Data(info)->thread;
	if (thread == nullptr)
		return env.Null();
	// libc's area cannot be held: it lives as long as its thread, and so longer than this
	// environment.
	bool is_held = rseq_slice_hold_memory(thread) == 0;
	volatile void *control = &rseq_slice_get_area(thread)->slice_ctrl;
	napi_value buffer;
	napi_status status = View::Create(
		env, const_cast<void *>(control), sizeof(rseq_slice_get_area(thread)->slice_ctrl),
		[](void *, size_t, void *held) {
			if (held != nullptr)
				rseq_slice_release_memory(static_cast<rseq_slice_thread *>(held));
		},
		is_held ? thread : nullptr, &buffer);
	return status == napi_ok ? Napi::Value(env, buffer) : env.Null();
}

// What the kernel fills in of the calling thread's area, up to the control word; null: it has no
// area, or the runtime forbids external memory. The kernel may kill who writes there, so no program
// gets it: lib/host/linux/ids.ts reads it.
Napi::Value AreaIds(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	rseq_slice_thread *held;
	rseq_slice_area *area = rseq_slice_hold_live_area(&held);
	if (area == nullptr)
		return env.Null();
	napi_value buffer;
	napi_status status = View::Create(
		env, area, offsetof(rseq_slice_area, slice_ctrl),
		[](void *, size_t, void *holder) {
			if (holder != nullptr)
				rseq_slice_release_memory(static_cast<rseq_slice_thread *>(holder));
		},
		held, &buffer);
	return status == napi_ok ? Napi::Value(env, buffer) : env.Null();
}

// Asks the shim, with a thread attached or without.
template <uint32_t (*Get)()> Napi::Value Ask(const Napi::CallbackInfo &info)
{
	return Napi::Number::New(info.Env(), Get());
}

// The functions below are called with a thread attached; lib/host/linux/ sees to it.
// Without one they answer as a thread without an area does.
Napi::Value Number(const Napi::CallbackInfo &info, double value)
{
	return Napi::Number::New(info.Env(), value);
}

Napi::Value Enter(const Napi::CallbackInfo &info)
{
	rseq_slice_thread *thread = Data(info)->thread;
	return Number(info, thread == nullptr ? 0
					      : rseq_slice_enter(rseq_slice_get_area(thread),
							rseq_slice_get_abi_version(thread)));
}

Napi::Value Clear(const Napi::CallbackInfo &info)
{
	rseq_slice_thread *thread = Data(info)->thread;
	return Number(info, thread == nullptr ? RSEQ_SLICE_OUTCOME_PREEMPTED
					      : rseq_slice_clear(rseq_slice_get_area(thread),
							rseq_slice_get_abi_version(thread)));
}

Napi::Value Yield(const Napi::CallbackInfo &info)
{
	rseq_slice_thread *thread = Data(info)->thread;
	return Number(info,
		thread == nullptr ? 0 : rseq_slice_yield_cpu(rseq_slice_get_abi_version(thread)));
}

template <volatile uint32_t rseq_slice_area::*Field>
Napi::Value Read(const Napi::CallbackInfo &info)
{
	rseq_slice_thread *thread = Data(info)->thread;
	return Number(info,
		thread == nullptr ? -1 : static_cast<double>(rseq_slice_get_area(thread)->*Field));
}

Napi::Value IsOwner(const Napi::CallbackInfo &info)
{
	rseq_slice_thread *thread = Data(info)->thread;
	return Napi::Boolean::New(info.Env(), thread != nullptr && rseq_slice_is_owner(thread));
}

// The address of words[index], or null. Node-API gives the data of a typed
// array also where its buffer is shared, though not that buffer itself.
const int32_t *Word(const Napi::CallbackInfo &info)
{
	napi_typedarray_type type;
	size_t length;
	void *data = nullptr;
	if (napi_get_typedarray_info(
		    info.Env(), info[0], &type, &length, &data, nullptr, nullptr) != napi_ok)
		return nullptr;
	uint32_t index = info[1].As<Napi::Number>().Uint32Value();
	if (type != napi_int32_array || data == nullptr || index >= length)
		return nullptr;
	return static_cast<const int32_t *>(data) + index;
}

// futexWait(words, index, expected, ms) -> 0 woken, else a positive errno
Napi::Value FutexWait(const Napi::CallbackInfo &info)
{
	const int32_t *word = Word(info);
	if (word == nullptr)
		return Number(info, EINVAL);
	double timeout = info[3].As<Napi::Number>().DoubleValue() * 1e6;
	return Number(info, -rseq_slice_futex_wait(word, info[2].As<Napi::Number>().Int32Value(),
				    static_cast<int64_t>(timeout)));
}

// futexWake(words, index, count) -> how many were woken, or -errno
Napi::Value FutexWake(const Napi::CallbackInfo &info)
{
	const int32_t *word = Word(info);
	if (word == nullptr)
		return Number(info, -EINVAL);
	return Number(info, rseq_slice_futex_wake(word, info[2].As<Napi::Number>().Int32Value()));
}

// schedYield(): lets other threads run that this CPU has. It cannot fail.
Napi::Value SchedYield(const Napi::CallbackInfo &info)
{
	sched_yield();
	return info.Env().Undefined();
}

// mapFile(file, length) -> the file's bytes; a positive errno, EFBIG if no buffer is that long; 0:
// the runtime forbids external memory
Napi::Value MapFile(const Napi::CallbackInfo &info)
{
	int64_t length = info[1].As<Napi::Number>().Int64Value();
	void *memory;
	int error = rseq_slice_map_file(
		info[0].As<Napi::Number>().Int32Value(), static_cast<size_t>(length), &memory);
	if (error != 0)
		return Number(info, -error);
	napi_value buffer;
	napi_status status = View::Create(
		info.Env(), memory, static_cast<size_t>(length),
		[](void *mapped, size_t bytes, void *) { rseq_slice_unmap(mapped, bytes); },
		nullptr, &buffer);
	if (status == napi_ok)
		return Napi::Value(info.Env(), buffer);
	// A buffer has a longest length, and the runtime tells it by refusing.
	return Number(info, status == napi_no_external_buffers_allowed ? 0 : EFBIG);
}

// nativeApi() -> the table of the shim's functions as an external that no other is taken for
Napi::Value NativeApi(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	const napi_type_tag tag = { RSEQ_SLICE_API_TAG_LOWER, RSEQ_SLICE_API_TAG_UPPER };
	napi_value external;
	if (napi_create_external(env, const_cast<rseq_slice_api *>(rseq_slice_get_api()), nullptr,
		    nullptr, &external) != napi_ok ||
		napi_type_tag_object(env, external, &tag) != napi_ok) {
		Napi::Error::New(env).ThrowAsJavaScriptException();
		return env.Undefined();
	}
	return Napi::Value(env, external);
}

Napi::Object Init(Napi::Env env, Napi::Object exports)
{
	env.SetInstanceData(new EnvironmentData());
	// Whoever created this thread may have had our area, and so this one none: it gets libc's,
	// as libc meant it to.
	rseq_slice_restore_libc();
	exports["probe"] = Napi::Function::New<Probe>(env, "probe");
	exports["attach"] = Napi::Function::New<Attach>(env, "attach");
	exports["detach"] = Napi::Function::New<Detach>(env, "detach");
	exports["controlWord"] = Napi::Function::New<ControlWord>(env, "controlWord");
	exports["enter"] = Napi::Function::New<Enter>(env, "enter");
	exports["clear"] = Napi::Function::New<Clear>(env, "clear");
	exports["yieldSlice"] = Napi::Function::New<Yield>(env, "yieldSlice");
	exports["areaIds"] = Napi::Function::New<AreaIds>(env, "areaIds");
	exports["featureSize"] = Napi::Function::New<Ask<rseq_slice_get_feature_size>>(
		env, "featureSize");
	exports["cpu"] = Napi::Function::New<Ask<rseq_slice_get_cpu>>(env, "cpu");
	exports["node"] = Napi::Function::New<Ask<rseq_slice_get_node>>(env, "node");
	exports["concurrencyId"] = Napi::Function::New<Ask<rseq_slice_get_concurrency_id>>(
		env, "concurrencyId");
	exports["flags"] = Napi::Function::New<Read<&rseq_slice_area::flags>>(env, "flags");
	exports["futexWait"] = Napi::Function::New<FutexWait>(env, "futexWait");
	exports["futexWake"] = Napi::Function::New<FutexWake>(env, "futexWake");
	exports["schedYield"] = Napi::Function::New<SchedYield>(env, "schedYield");
	exports["mapFile"] = Napi::Function::New<MapFile>(env, "mapFile");
	exports["nativeApi"] = Napi::Function::New<NativeApi>(env, "nativeApi");
	exports["isOwner"] = Napi::Function::New<IsOwner>(env, "isOwner");
	return exports;
}

} // namespace

NODE_API_MODULE(rseq_slice, Init)
