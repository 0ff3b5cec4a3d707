// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package shop holds what every version of the demo's shop has in common: the
// accounts and the products that it starts with.
package shop

// The accounts that exist from the start. The administrator's password is
// random and known to nobody, so whoever gets in as the administrator broke in.
const (
	AdminEmail    = "admin@shop.example"
	AdminName     = "Admin"
	AliceEmail    = "alice@shop.example"
	AliceName     = "Alice"
	AlicePassword = "sunshine1" // Weak on purpose: it is on every list of common passwords.
)

// Product is one thing for sale.
type Product struct {
	SKU    string  `json:"sku" bson:"sku"`
	Name   string  `json:"name" bson:"name"`
	Price  float64 `json:"price" bson:"price"`
	Rating int     `json:"rating" bson:"rating"` // from 1 to 10
}

// Products returns what the shop sells.
func Products() []Product {
	return []Product{
		{"HELM-01", "Great helm", 420, 9},
		{"HELM-02", "Kettle hat", 95.5, 6},
		{"GORG-01", "Gorget", 110, 7},
		{"PAUL-01", "Pauldrons, a pair", 260, 8},
		{"CUIR-01", "Cuirass", 890, 10},
		{"VAMB-01", "Vambraces, a pair", 145, 7},
		{"GAUN-01", "Gauntlets, a pair", 230, 8},
		{"TASS-01", "Tassets, a pair", 120, 5},
		{"CUIS-01", "Cuisses, a pair", 210, 6},
		{"GREA-01", "Greaves, a pair", 190, 7},
		{"SABA-01", "Sabatons, a pair", 160, 4},
		{"SHIE-01", "Heater shield", 75, 3},
	}
}
