// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Column, Model, Table } from 'sequelize-typescript';

@Table
export class Account extends Model<Account> {
  @Column email!: string;
  @Column password!: string;
  @Column balance!: number;
}
