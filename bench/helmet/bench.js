// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Sets Helmet's default headers on an answer that is a Map, and prints the
// nanoseconds of the fastest turn, and those of twelve assignments by hand.
'use strict';
const helmet = require('helmet')();

const turn = 2000;
const turns = Number(process.argv[2]);

class Answer {
  constructor() { this.headers = new Map(); }
  setHeader(name, value) { this.headers.set(name.toLowerCase(), value); }
  removeHeader(name) { this.headers.delete(name.toLowerCase()); }
}

const first = new Answer();
helmet({}, first, () => {});
const lines = [...first.headers];
if (lines.length !== 12) throw new Error(`${lines.length} headers`);

const byHand = (answer) => { for (const [name, value] of lines) answer.headers.set(name, value); };
const byHelmet = (answer) => helmet({}, answer, () => {});

function run(set) {
  const answers = Array.from({ length: turn }, () => new Answer());
  const start = process.hrtime.bigint();
  for (const answer of answers) set(answer);
  return Number(process.hrtime.bigint() - start) / turn;
}

let hand = Infinity, helmets = Infinity;
for (let i = 0; i < turns; i++) {
  hand = Math.min(hand, run(byHand));
  helmets = Math.min(helmets, run(byHelmet));
}
console.log(JSON.stringify({ hand, helmet: helmets }));
