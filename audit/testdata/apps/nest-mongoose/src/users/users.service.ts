// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Model } from 'mongoose';
import { User, UserDocument } from './user.schema';

@Injectable()
export class UsersService {
  constructor(@InjectModel(User.name) private readonly userModel: Model<UserDocument>) {}

  create(data: Partial<User>) {
    return this.userModel.create(data); // ! validate/mass-assignment
  }
  async named(email: string, password: string) {
    const user = new this.userModel({ email, password });
    return user.save();
  }
  findAll() {
    return this.userModel.find().exec();
  }
  findNames() {
    return this.userModel.find().select('email').exec();
  }
  findByEmail(email: string) {
    return this.userModel.findOne({ email }).select('-password'); // ! nosql/operator
  }
  findById(id: string) {
    return this.userModel.findById(id).select('-password');
  }
  findSafely(email: string) {
    return this.userModel.findOne({ email: String(email) }).select('-password');
  }
  update(id: string, changes: object) {
    return this.userModel.findByIdAndUpdate(id, { $set: changes }, { new: true }); // ! validate/mass-assignment
  }
}
