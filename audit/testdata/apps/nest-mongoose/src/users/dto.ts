// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

export class CreateUserDto {
  email: string;
  password: string;
}
export interface Credentials { email: string; password: string }
