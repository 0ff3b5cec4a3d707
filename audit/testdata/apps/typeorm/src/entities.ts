// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { BaseEntity, Column, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';

@Entity()
export class User {
  @PrimaryGeneratedColumn() id!: number;
  @Column() email!: string;
  @Column() password!: string;
  @Column({ default: false }) admin!: boolean;
}

@Entity('members')
export class Member {
  @PrimaryGeneratedColumn() id!: number;
  @Column() name!: string;
  @Column({ select: false }) password!: string;
}

@Entity()
export class Note extends BaseEntity {
  @PrimaryGeneratedColumn() id!: number;
  @Column() text!: string;
  @ManyToOne(() => User) owner!: User;
}
