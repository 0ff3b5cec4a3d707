// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Member, User } from './entities';

@Injectable()
export class UsersService {
  constructor(
    @InjectRepository(User) public readonly users: Repository<User>,
    @InjectRepository(Member) public readonly members: Repository<Member>,
  ) {}
  create(dto: object) { return this.users.save(this.users.create(dto)); }
  update(id: number, dto: object) { return this.users.update(id, dto); }
  patch(id: number, dto: object) { return this.users.update(id, dto); } // ! validate/mass-assignment
}
