// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Grades servers with MDN's HTTP Observatory and Google's CSP Evaluator. It
// reads [{"https": PORT, "http": PORT, "path": "/"}] on standard input, scans
// each on 127.0.0.1 and writes what both found, in the same order.
//
// The Observatory is its own published code: it fetches the page over TLS, the
// robots.txt and the preflight, and ten of algorithm 6's twelve tests judge
// them. The version on npm, 1.4.8, is of algorithm 4. What algorithm 6 changed is
// written here: two tests, those for COOP and COEP, and the points of one result.
// observatory_test.go holds the whole against recorded answers of 1.6.3.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { retrieve } from '@mdn/mdn-http-observatory/src/retriever/retriever.js';
import { ALL_TESTS } from '@mdn/mdn-http-observatory/src/constants.js';
import { getGradeForScore, getScoreModifier } from '@mdn/mdn-http-observatory/src/grader/grader.js';
import { MINIMUM_SCORE_FOR_EXTRA_CREDIT } from '@mdn/mdn-http-observatory/src/grader/charts.js';

const require = createRequire(import.meta.url);
const { CspEvaluator } = require('csp_evaluator');
const { CspParser } = require('csp_evaluator/dist/parser.js');
const { Severity, Type } = require('csp_evaluator/dist/finding.js');

// The preload list, which the package downloads when it is installed: nothing
// that runs on loopback is on it.
const preloaded = new URL('conf/hsts-preload.json', import.meta.resolve('@mdn/mdn-http-observatory').replace('src/index.js', ''));
if (!fs.existsSync(preloaded)) fs.writeFileSync(preloaded, '{}');

// isolation is the test of a header whose value is one token of a list, in
// lower case, with parameters that do not count.
const isolation = (name, prefix, modifiers) => (answer) => {
  const value = answer.headers[name];
  if (value === undefined) return { result: `${prefix}-not-implemented`, modifier: 0, pass: true };
  const token = /^([a-z-]+)(?:\s*;\s*[a-z*][a-z0-9_.*-]*(?:=(?:"[^"]*"|[\w*:/.-]+))?)*\s*$/.exec(value.trim())?.[1];
  if (!Object.hasOwn(modifiers, token)) return { result: `${prefix}-header-invalid`, modifier: -5, pass: false };
  return { result: `${prefix}-implemented-with-${token}`, modifier: modifiers[token], pass: true };
};
const added = {
  'cross-origin-embedder-policy': isolation('cross-origin-embedder-policy', 'coep', { 'require-corp': 10, credentialless: 10, 'unsafe-none': 0 }),
  'cross-origin-opener-policy': isolation('cross-origin-opener-policy', 'coop', { 'same-origin': 10, 'same-origin-allow-popups': 10, 'noopener-allow-popups': 10, 'unsafe-none': 0 }),
};

const points = (result) => (result === 'x-frame-options-sameorigin-or-deny' ? 5 : getScoreModifier(result));

async function observatory({ https, http, path }) {
  const requests = await retrieve('127.0.0.1', { httpsPort: String(https), httpPort: String(http), path });
  const answer = requests.responses.auto;
  if (!answer) throw new Error(`nothing answers on port ${https}`);
  const tests = {};
  for (const test of ALL_TESTS) {
    const output = test(requests);
    tests[output.constructor.name] = { result: output.result, modifier: points(output.result), pass: output.pass };
  }
  for (const [name, test] of Object.entries(added)) tests[name] = test(answer);
  const modifiers = Object.values(tests).map(({ modifier }) => modifier);
  const sum = (list) => list.reduce((total, modifier) => total + modifier, 100);
  const uncurved = sum(modifiers.filter((modifier) => modifier < 0));
  const { score, grade } = getGradeForScore(uncurved >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? sum(modifiers) : uncurved);
  const policy = answer.headers['content-security-policy'] ?? '';
  return { status: answer.status, verified: answer.verified, score, grade, tests, policy, findings: evaluate(policy) };
}

const evaluate = (policy) => new CspEvaluator(new CspParser(policy).csp).evaluate()
  .map(({ type, severity, directive, value }) => ({ type: Type[type], severity: Severity[severity], directive, value: value ?? '' }));

const results = [];
for (const target of JSON.parse(fs.readFileSync(0, 'utf8'))) results.push(await observatory(target));
console.log(JSON.stringify(results));
