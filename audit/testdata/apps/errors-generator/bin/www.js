// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const app = require('../app');
const http = require('http');
const server = http.createServer(app);
server.listen(process.env.PORT || 3000);
