// SPDX-License-Identifier: MIT
/** What CMake makes of a binding.gyp that was changed. */
import './cmake.test.ts';
