// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { NextFunction, Request, Response } from 'express';
import { Repository } from 'typeorm';
import { AppDataSource } from './data-source';
import { Member, Note, User } from './entities';

export class UserController {
  private users: Repository<User> = AppDataSource.getRepository(User);

  async all(_req: Request, res: Response) {
    res.json(await this.users.find()); // ! nosql/document-sent
  }
  async names(_req: Request, res: Response) {
    res.json(await this.users.find({ select: ['id', 'email'] }));
  }
  async selected(_req: Request, res: Response) {
    res.json(await this.users.find({ select: { id: true, email: true } }));
  }
  async one(req: Request, res: Response, next: NextFunction) {
    const user = await this.users.findOneBy({ id: Number(req.params.id) });
    if (!user) return next();
    return res.json({ user }); // ! nosql/document-sent
  }
  async save(req: Request, res: Response) {
    const user = await this.users.save(req.body); // ! validate/mass-assignment
    res.json({ id: user.id });
  }
  async create(req: Request, res: Response) {
    const user = this.users.create(req.body as Partial<User>); // ! validate/mass-assignment
    await this.users.save(user);
    res.end();
  }
  async named(req: Request, res: Response) {
    const user = new User();
    user.email = req.body.email;
    user.password = req.body.password;
    await this.users.save(user);
    res.end();
  }
  async assigned(req: Request, res: Response) {
    const user = Object.assign(new User(), req.body);
    await this.users.save(user); // ! validate/mass-assignment
    res.end();
  }
  async update(req: Request, res: Response) {
    await this.users.update(Number(req.params.id), req.body); // ! validate/mass-assignment
    res.end();
  }
  async merge(req: Request, res: Response) {
    const user = await this.users.findOneOrFail({ where: { id: Number(req.params.id) } });
    this.users.merge(user, req.body); // ! validate/mass-assignment
    await this.users.save(user);
    res.end();
  }
  async built(req: Request, res: Response) {
    await AppDataSource.createQueryBuilder().insert().into(User).values(req.body).execute(); // ! validate/mass-assignment
    await this.users.createQueryBuilder().update(User).set(req.body).where('id = :id', { id: req.params.id }).execute(); // ! validate/mass-assignment
    res.end();
  }
  async managed(req: Request, res: Response) {
    await AppDataSource.manager.save(User, req.body); // ! validate/mass-assignment
    res.end();
  }
  async transacted(req: Request, res: Response) {
    await AppDataSource.transaction(async (manager) => {
      await manager.insert(User, { email: req.body.email, password: req.body.password });
      await manager.update(User, { id: 1 }, { ...req.body }); // ! validate/mass-assignment
    });
    res.end();
  }
  async many(_req: Request, res: Response) {
    const users = await this.users.createQueryBuilder('user').where('user.admin = false').getMany();
    res.json(users); // ! nosql/document-sent
  }
  async members(_req: Request, res: Response) {
    const [members, total] = await AppDataSource.getRepository(Member).findAndCount();
    res.json({ members, total });
  }
  async shown(_req: Request, res: Response) {
    const member = await AppDataSource.getRepository(Member).createQueryBuilder('m').addSelect('m.password').getOne();
    res.json(member); // ! nosql/document-sent
  }
  async note(req: Request, res: Response) {
    const note = Note.create(req.body as object); // ! validate/mass-assignment
    res.json(await note.save());
  }
}
