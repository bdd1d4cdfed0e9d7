// SPDX-License-Identifier: MIT
/**
 * The model of a kernel without the feature against this host's, with the whole table and all
 * random sequences.
 */
import './conformance.test.ts';
