// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs/promises';
export const all = () => fs.readFile('all.json', 'utf8');
