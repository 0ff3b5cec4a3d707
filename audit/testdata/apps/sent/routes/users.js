// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const router = require('express').Router();
const User = require('../models/user');
const { Member, Admin, Customer, Account } = require('../models/others');

router.get('/', async (req, res) => res.json(await User.find())); // ! nosql/document-sent
router.get('/lean', async (req, res) => res.json(await User.find().lean())); // ! nosql/document-sent
router.get('/version', async (req, res) => res.json(await User.find().select('-__v'))); // ! nosql/document-sent
router.get('/hidden', async (req, res) => res.json(await User.find().select('-password -__v')));
router.get('/chosen', async (req, res) => res.json(await User.find({}, 'name email')));
router.get('/chosen-too', async (req, res) => res.json(await User.find({}, { name: 1, _id: 0 })));
router.get('/dropped', async (req, res) => res.json(await User.find({}, { password: 0 })));
router.get('/id-dropped', async (req, res) => res.json(await User.find({}, { _id: 0 }))); // ! nosql/document-sent
router.get('/counted', async (req, res) => {
  const users = await User.find({});
  res.json({ total: await User.countDocuments(), here: users.length, names: await User.distinct('name'), some: !!(await User.exists({ name: 'x' })) });
});
router.get('/grouped', async (req, res) => res.json(await User.aggregate([{ $group: { _id: '$name', n: { $sum: 1 } } }])));
router.get('/matched', async (req, res) => res.json(await User.aggregate([{ $match: { name: 'x' } }]))); // ! nosql/document-sent
router.get('/projected', async (req, res) => res.json(await User.aggregate([{ $project: { name: 1 } }])));
router.get('/one/:id', async (req, res) => {
  const user = await User.findById(req.params.id);
  user.password = undefined;
  res.json({ user });
});
router.get('/spread/:id', async (req, res) => {
  const user = await User.findById(req.params.id);
  res.json({ ok: true, ...user._doc }); // ! nosql/document-sent
});
router.get('/spread-without/:id', async (req, res) => {
  const user = await User.findById(req.params.id);
  res.json({ ...user.toObject(), password: undefined });
});
router.get('/rest/:id', async (req, res) => {
  const { password, ...rest } = (await User.findById(req.params.id)).toObject();
  res.json(rest);
});
router.get('/rest-of-others/:id', async (req, res) => {
  const { name, ...rest } = (await User.findById(req.params.id)).toObject();
  res.json(rest); // ! nosql/document-sent
});
router.get('/each', async (req, res) => {
  const users = await User.find();
  users.forEach((u) => { u.password = undefined; });
  res.json(users);
});
router.get('/mapped', async (req, res) => {
  const users = await User.find();
  res.json(users.map((u) => u.toObject())); // ! nosql/document-sent
});
router.get('/text/:id', async (req, res) => {
  res.send(JSON.stringify(await User.findById(req.params.id))); // ! nosql/document-sent
});
router.get('/name/:id', async (req, res) => {
  const user = await User.findById(req.params.id);
  res.json({ name: user.get('name'), email: user.email });
});
router.get('/members', async (req, res) => res.json(await Member.find()));
router.get('/members-lean', async (req, res) => res.json(await Member.find().lean())); // ! nosql/document-sent
router.get('/admins', async (req, res) => res.json(await Admin.find())); // ! nosql/document-sent
router.get('/customers', async (req, res) => res.json(await Customer.find()));
router.get('/customers/:id', async (req, res) => {
  const customer = await Customer.findById(req.params.id).select('+password');
  res.json({ customer }); // ! nosql/document-sent
});
router.get('/accounts', async (req, res) => res.json(await Account.find()));
module.exports = router;
