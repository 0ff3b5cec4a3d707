// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
export class HttpError extends Error {
  constructor(public readonly status: number, message: string, public readonly details: string[] = []) {
    super(message);
  }
}
export class NotFound extends HttpError {
  constructor(what: string) { super(404, `${what} was not found`); }
}
