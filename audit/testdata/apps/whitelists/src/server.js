// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express from 'express';
import helmet from 'helmet';
import products from './products.js';

const app = express();
app.use(helmet());
app.use(express.json());
app.use('/products', products);
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
