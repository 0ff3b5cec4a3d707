// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const helmet = require('helmet');
module.exports = (app, config) => {
  if (config.env === 'production') app.use([helmet({ crossOriginEmbedderPolicy: true })]);
};
