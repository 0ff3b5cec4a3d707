// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs';
export function read(name, done) {
  fs.readFile(name, 'utf8', (err, text) => {
    if (err) return done(err);
    done(null, text);
  });
}
export const fetchAll = () => new Promise((resolve, reject) => read('all.json', (err, text) => (err ? reject(err) : resolve(text))));
