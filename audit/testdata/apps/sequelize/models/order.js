// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const { Model } = require('sequelize');
module.exports = (sequelize, DataTypes) => {
  class Order extends Model {
    static associate(db) { Order.belongsTo(db.User); }
  }
  Order.init({ title: DataTypes.STRING, paid: DataTypes.BOOLEAN }, { sequelize, modelName: 'Order' });
  return Order;
};
