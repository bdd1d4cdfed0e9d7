// SPDX-License-Identifier: MIT
/** docs/migration.md: the blocks that migration.test.ts leaves out. */
import './migration.test.ts';
