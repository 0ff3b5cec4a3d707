// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Tests that fail, for mocha's reports.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');

/* global describe, it */
describe('an order', () => {
  it('adds up', () => assert.deepStrictEqual({ total: 12, items: ['book'] }, { total: 12.5, items: ['book', 'pen'] }));
  it('reads the price list', () => fs.readFileSync('/var/lib/shop/prices.json'));
  it('has a customer', () => { const order = {}; return order.customer.email; });
  it('is paid', async () => { throw new Error('connect ECONNREFUSED 10.0.1.42:5432', { cause: new TypeError('fetch failed') }); });
  it('has a date', () => assert.ok(new Date()));
});
