// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
module.exports = (database, done) => {
  require('fs').readFile(database, (err) => done(err));
};
