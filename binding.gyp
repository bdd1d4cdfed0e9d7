{
  "targets": [
    {
      "target_name": "rseq_slice",
      "sources": [
        "native/src/addon.cc",
        "native/src/api.c",
        "native/src/area.c",
        "native/src/attach.c",
        "native/src/calls.c",
        "native/src/forks.c",
        "native/src/futex.c",
        "native/src/ids.c",
        "native/src/kernel.c",
        "native/src/libc.c",
        "native/src/mapping.c",
        "native/src/signals.c",
        "native/src/slot.c",
        "native/src/thread_end.c",
        "native/src/users.c"
      ],
      "include_dirs": ["native/include", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NAPI_VERSION=8",
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
        "RSEQ_SLICE_OLDEST_GLIBC"
      ],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"],
      "cflags_c": ["-std=gnu11", "-O2"],
      "cflags_cc": ["-Os"],
      "ldflags": ["-Wl,-z,nodelete", "-Wl,-z,noseparate-code", "-Wl,--gc-sections", "-pthread"],
      "libraries": ["-ldl"]
    }
  ]
}
