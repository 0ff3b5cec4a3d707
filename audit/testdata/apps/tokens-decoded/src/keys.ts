// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import fs from 'fs';
export const keyOf = (id: string): Buffer => fs.readFileSync(id === 'b' ? 'b.pem' : 'a.pem');
