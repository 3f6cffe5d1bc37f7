//! A tenant where everything is there: people, a budget with points, a catalogue.

use serde_json::{Value as Json, json};

use crate::http::Reply;
use crate::server::{Server, until};

/// What a day off costs.
pub(crate) const PRICE: i64 = 3;

/// A tenant of a server; its key outlives restarts.
pub(crate) struct Shop {
    pub admin: String,
    pub members: Vec<String>,
}

impl Shop {
    /// A sandbox tenant with so many people, a budget, and a product that is delivered at once.
    pub(crate) fn open(server: &Server, people: usize) -> Shop {
        let tenant = json!({ "tenant": "acme", "title": "A company", "mode": "sandbox", "zone": "Europe/Berlin",
            "currency": "EUR", "locale": "en" });
        server.post(&server.key, "/v1/tenants", "tenant", &tenant).expect(201);
        let key = json!({ "name": "admin", "roles": ["admin"] });
        let key = server.post(&server.key, "/v1/keys?tenant=acme", "key", &key).expect(201).json();
        let admin = key["key"].as_str().unwrap().to_owned();
        let members: Vec<String> = (0..people).map(|number| (700_101 + number).to_string()).collect();
        let shop = Shop { admin, members };
        shop.configure(
            server,
            "connection",
            "workday",
            &json!({ "system": "workday", "id_space": "staff", "state": "open" }),
        );
        let day_off = json!({ "title": "A day off", "points": PRICE, "delivery": "immediate" });
        shop.configure(server, "product", "day-off", &day_off);
        let voucher = json!({ "title": "Voucher", "points": 2, "delivery": "vendor", "vendor": "sandbox", "vendor_product": "gift-25" });
        shop.configure(server, "product", "voucher", &voucher);
        shop.hire(server);
        let budget = json!({ "budget": "spot", "title": "Spot" });
        server.post(&shop.admin, "/v1/budgets", "budget", &budget).expect(201);
        let points = json!({ "points": 1_000_000_000 });
        server.post(&shop.admin, "/v1/budgets/spot/allocations", "fill", &points).expect(201);
        shop
    }

    /// A version of anything, published and adopted everywhere.
    pub(crate) fn configure(&self, server: &Server, kind: &str, name: &str, body: &Json) {
        let draft = json!({ "name": name, "body": body });
        let path = format!("/v1/config/{kind}/versions?publish=true");
        let version = server.post(&self.admin, &path, &format!("{kind}.{name}"), &draft).expect(201).json();
        until("the version is adopted everywhere", || {
            let config = server.get(&self.admin, &format!("/v1/config/{kind}")).expect(200).json();
            (config["adopted"].as_u64() >= version["number"].as_u64()).then_some(())
        });
    }

    fn hire(&self, server: &Server) {
        let row = |number: &String| {
            json!({ "Employee_ID": number, "First_Name": "Asha", "Country": "DE", "Hire_Date": "2020-04-01",
                "Time_Zone": "Europe/Berlin" })
        };
        let report = json!({ "Report_Entry": self.members.iter().map(row).collect::<Vec<_>>() });
        let headers = [("prefer", "wait=20")];
        let body = report.to_string();
        server.try_call(&self.admin, "POST", "/v1/hris/workday", &headers, &body).unwrap().expect(200);
        for member in &self.members {
            until("the member is known", || {
                (server.get(&self.admin, &format!("/v1/members/{member}")).status == 200).then_some(())
            });
        }
    }

    /// The body of a gift.
    pub(crate) fn gift(member: &str, points: i64) -> Json {
        json!({ "budget": "spot", "member": member, "points": points, "label": "Thank you" })
    }

    /// The body of a redemption of one piece.
    pub(crate) fn wish(member: &str, product: &str) -> Json {
        json!({ "member": member, "lines": [{ "product": product, "quantity": 1 }] })
    }

    /// Gives a member points and waits until they can be spent.
    pub(crate) fn give(&self, server: &Server, key: &str, member: &str, points: i64) -> Reply {
        let before = self.available(server, member);
        let given = server.post(&self.admin, "/v1/grants", key, &Shop::gift(member, points)).expect(201);
        until("the points have come", || (self.available(server, member) >= before + points).then_some(()));
        given
    }

    pub(crate) fn balance(&self, server: &Server, member: &str) -> Json {
        server.get(&self.admin, &format!("/v1/members/{member}/balance")).expect(200).json()
    }

    pub(crate) fn available(&self, server: &Server, member: &str) -> i64 {
        self.balance(server, member)["available"].as_i64().unwrap()
    }
}
