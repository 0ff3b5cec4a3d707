// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const { User, Order, Member, Customer } = require('./models');
const app = express();
app.use(require('helmet')());
app.use(express.json());
app.post('/users', async (req, res) => {
  const user = await User.create(req.body); // ! validate/mass-assignment
  res.status(201).json(user); // ! nosql/document-sent
});
app.post('/users/fields', async (req, res) => {
  const user = await User.create(req.body, { fields: ['name', 'password'] });
  res.status(201).json({ id: user.id });
});
app.post('/users/named', async (req, res) => {
  const { name, password } = req.body;
  await User.create({ name, password });
  res.end();
});
app.put('/users/:id', async (req, res) => {
  await User.update(req.body, { where: { id: req.params.id } }); // ! validate/mass-assignment
  res.end();
});
app.put('/users/:id/fields', async (req, res) => {
  await User.update(req.body, { where: { id: req.params.id }, fields: ['name'] });
  res.end();
});
app.patch('/users/:id', async (req, res) => {
  const user = await User.findByPk(req.params.id);
  await user.update(req.body); // ! validate/mass-assignment
  res.end();
});
app.patch('/users/:id/name', async (req, res) => {
  const user = await User.findByPk(req.params.id);
  user.name = req.body.name;
  await user.save();
  res.json(user); // ! nosql/document-sent
});
app.patch('/users/:id/set', async (req, res) => {
  const user = await User.findByPk(req.params.id);
  user.set({ ...req.body }); // ! validate/mass-assignment
  await user.save();
  res.end();
});
app.post('/users/bulk', async (req, res) => {
  await User.bulkCreate(req.body.users); // ! validate/mass-assignment
  res.end();
});
app.post('/users/found', async (req, res) => {
  const [user, created] = await User.findOrCreate({ where: { name: String(req.body.name) }, defaults: req.body }); // ! validate/mass-assignment
  res.json({ created });
});
app.get('/users', async (req, res) => res.json(await User.findAll())); // ! nosql/document-sent
app.get('/users/names', async (req, res) => res.json(await User.findAll({ attributes: ['id', 'name'] })));
app.get('/users/without', async (req, res) => res.json(await User.findAll({ attributes: { exclude: ['password'] } })));
app.get('/users/more', async (req, res) => res.json(await User.findAll({ attributes: { exclude: ['createdAt'] } }))); // ! nosql/document-sent
app.get('/users/paged', async (req, res) => {
  const { rows, count } = await User.findAndCountAll({ limit: 10 });
  res.json({ rows, count }); // ! nosql/document-sent
});
app.get('/users/scoped', async (req, res) => res.json(await User.scope('public').findAll()));
app.get('/users/search', async (req, res) => res.json(await User.findOne({ where: { name: req.query.name }, attributes: ['name'] })));
app.get('/members', async (req, res) => res.json(await Member.findAll()));
app.get('/customers', async (req, res) => res.json(await Customer.findAll()));
app.get('/customers/raw', async (req, res) => {
  const customer = await Customer.findOne();
  res.json({ ...customer.dataValues }); // ! nosql/document-sent
});
app.get('/orders', async (req, res) => res.json(await Order.findAll({ include: [User] }))); // ! nosql/document-sent
app.get('/orders/names', async (req, res) => res.json(await Order.findAll({ include: [{ model: User, attributes: ['name'] }] })));
app.post('/orders', async (req, res) => {
  const order = Order.build(req.body); // ! validate/mass-assignment
  await order.save();
  res.json(order);
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
