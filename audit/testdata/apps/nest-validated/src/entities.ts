// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Exclude } from 'class-transformer';
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity()
export class User {
  @PrimaryGeneratedColumn() id: number;
  @Column() email: string;
  @Exclude() @Column() password: string;
  @Column({ default: false }) admin: boolean;
}
@Entity()
export class Member {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Column() password: string;
}
