#!/usr/bin/env node
// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Runs the program of this system's package, as if it had been started itself: with its
// arguments, streams and signals, and ends as it ends.
'use strict'

const { spawn } = require('child_process')

const name = `@panoply-security/panoply-${process.platform}-${process.arch}`
const file = process.platform === 'win32' ? 'panoply.exe' : 'panoply'

let program
try {
  program = require.resolve(`${name}/bin/${file}`)
} catch {
  console.error(`panoply: error: the package ${name} is not installed`)
  console.error('panoply: hint: it is an optional dependency: install without --omit=optional, on a system that has one')
  process.exit(2)
}

const child = spawn(program, process.argv.slice(2), { stdio: 'inherit', windowsHide: true })
child.on('error', (err) => {
  console.error(`panoply: error: ${program}: ${err.message}`)
  process.exit(2)
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code)
  for (const s of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(s)
  process.kill(process.pid, signal)
})
