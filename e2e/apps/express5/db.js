// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// A reporting database that is down: the address is loopback, and nothing
// listens there. Its errors are those that Node's own dial makes.
'use strict';

const net = require('node:net');

exports.query = (sql) => new Promise((resolve, reject) => {
  const socket = net.connect({ host: '127.10.1.42', port: 5432 });
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.destroy();
    reject(new Error('the server does not speak this protocol: ' + sql));
  });
});
