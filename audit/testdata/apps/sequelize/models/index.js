// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const fs = require('fs');
const path = require('path');
const { Sequelize, DataTypes } = require('sequelize');
const sequelize = new Sequelize(process.env.DATABASE_URL);
const db = {};
fs.readdirSync(__dirname).filter((f) => f !== 'index.js').forEach((file) => {
  const model = require(path.join(__dirname, file))(sequelize, DataTypes);
  db[model.name] = model;
});
Object.keys(db).forEach((name) => { if (db[name].associate) db[name].associate(db); });
db.sequelize = sequelize;
module.exports = db;
