//! Points become rewards: at once, by a vendor, not at all.

use serde_json::{Value as Json, json};

use super::api::{Customer, expect, json as body_of, number, text, until};
use super::screen::{Column, Screen, left, right, thousands};
use super::setup::Cast;

const COLUMNS: [Column; 4] =
    [left("person", 16), left("wants", 15), left("what came of it", 33), right("balance", 7)];

const PATH: &str = "/v1/redemptions";

/// A wish of somebody.
struct Wish {
    name: &'static str,
    number: &'static str,
    product: &'static str,
    key: &'static str,
}

impl Wish {
    fn body(&self) -> Json {
        json!({ "member": self.number, "lines": [{ "product": self.product }] })
    }
}

/// What was ordered, for the books.
pub(super) type Orders = Vec<String>;

struct Shop<'a> {
    screen: Screen,
    cast: &'a Cast,
    orders: Orders,
}

/// All of it; returns the ids of the redemptions that were recorded.
pub(super) async fn spend(screen: Screen, cast: &Cast) -> anyhow::Result<Orders> {
    let mut shop = Shop { screen, cast, orders: Vec::new() };
    screen.head(&COLUMNS);
    shop.at_once().await?;
    shop.voucher().await?;
    shop.refused().await?;
    shop.vendor_refuses().await?;
    shop.cancelled().await?;
    shop.slow_vendor().await?;
    Ok(shop.orders)
}

impl Shop<'_> {
    fn tell(&self, wish: &Wish, answered: &str, balance: i64) {
        let cells = [wish.name.to_owned(), wish.product.to_owned(), answered.to_owned(), thousands(balance)];
        self.screen.row(&COLUMNS, &cells);
    }

    async fn order(&mut self, by: &Customer, wish: &Wish) -> anyhow::Result<Json> {
        let told = body_of(&by.order(PATH, wish.key, &wish.body()).await?)?;
        self.orders.push(text(&told, "/id")?.to_owned());
        Ok(told)
    }

    /// Waits until a redemption is in this state; says its story in the API's words.
    async fn ends(&self, wish: &Wish, id: &str, state: &str) -> anyhow::Result<Json> {
        until(&format!("{}'s {} is {state}", wish.name, wish.product), || async {
            let told = self.cast.app.get(&format!("{PATH}/{id}/explain")).await?;
            expect(&format!("{}'s {}", wish.name, wish.product), text(&told, "/state")?, state)?;
            Ok(told)
        })
        .await
    }

    /// What the wallet holds, once the rows have it.
    async fn balance(&self, wish: &Wish, expected: i64) -> anyhow::Result<i64> {
        let what = format!("{}'s balance after {}", wish.name, wish.product);
        until(&what, || async {
            let told = self.cast.app.get(&format!("/v1/members/{}/balance", wish.number)).await?;
            let available = number(&told, "/available")?;
            expect(&what, &available, &expected)?;
            Ok(available)
        })
        .await
    }

    /// Delivered by the decision itself; the same request again, and another one under its key.
    async fn at_once(&mut self) -> anyhow::Result<()> {
        let wish = Wish { name: "Tomas Leitner", number: "P-700102", product: "tree", key: "tomas-1" };
        let by = self.cast.app.clone();
        let first = by.order(PATH, wish.key, &wish.body()).await?;
        let told = body_of(&first)?;
        expect("the state of what is delivered at once", text(&told, "/state")?, "fulfilled")?;
        // Read your writes: the answer says where it was decided, and the read waits until the rows are there.
        let path = format!("/v1/members/{}/balance", wish.number);
        let position = first.position.as_deref().unwrap_or_default();
        let left = number(&by.get_after(&path, position).await?, "/available")?;
        expect("the balance that is read after an order", &left, &number(&told, "/balance/available")?)?;
        expect("Tomas Leitner's balance", &left, &1_300)?;
        self.orders.push(text(&told, "/id")?.to_owned());
        self.tell(&wish, &format!("delivered at once, {} points", number(&told, "/points")?), left);
        let again = by.order(PATH, wish.key, &wish.body()).await?;
        expect("the repeat's answer", &(again.replayed, &again.body), &(true, &first.body))?;
        self.tell(&wish, "again: same answer, spent once", self.balance(&wish, 1_300).await?);
        let other = Wish { product: "hamper-slow", ..wish };
        let problem = by.refused(PATH, other.key, &other.body(), (422, "idempotency_key_reused")).await?;
        let left = self.balance(&other, 1_300).await?;
        self.tell(&other, &format!("no: {}", problem.code), left);
        self.screen.aside(20, &format!("another wish under the same idempotency key: {}", problem.title));
        Ok(())
    }

    /// A voucher of the sandbox vendor, shown to its owner.
    async fn voucher(&mut self) -> anyhow::Result<()> {
        let wish = Wish { name: "Yuki Tanabe", number: "P-700105", product: "gift-de-10", key: "yuki-1" };
        let yuki = self.cast.member("yuki", wish.number).await?;
        let told = self.order(&yuki, &wish).await?;
        let id = text(&told, "/id")?.to_owned();
        self.ends(&wish, &id, "fulfilled").await?;
        let left = self.balance(&wish, 100).await?;
        self.tell(&wish, "delivered by the vendor", left);
        let nothing = json!({});
        let shown = yuki.post(&format!("{PATH}/{id}/reveal"), &nothing, 200).await?;
        let code = text(&shown, "/codes/0")?.to_owned();
        expect("a code of the sandbox vendor", &code.starts_with("SANDBOX-"), &true)?;
        let by_app = self.cast.app.act_for(wish.number, &format!("{PATH}/{id}/reveal"), &nothing).await?;
        expect("the code that the app shows its owner", text(&by_app, "/codes/0")?, code.as_str())?;
        until("the audit has both looks at the voucher", || async {
            let story = self.cast.auditor.get(&format!("{PATH}/{id}/explain")).await?;
            let reveals = story["reveals"].as_array().map(Vec::len);
            expect("how often the voucher was shown, by the audit", &reveals, &Some(2))
        })
        .await?;
        self.screen.aside(
            20,
            &format!(
                "her voucher, sealed in the log and shown to her alone: {code}; that it was shown is recorded"
            ),
        );
        Ok(())
    }

    /// Two clear answers of no.
    async fn refused(&mut self) -> anyhow::Result<()> {
        for (wish, code, left) in [
            (
                Wish { name: "Asha Menon", number: "700101", product: "gift-de-10", key: "asha-1" },
                "insufficient_points",
                500,
            ),
            (
                Wish { name: "Dana Whitlock", number: "31004", product: "gift-de-10", key: "dana-1" },
                "not_offered",
                1_000,
            ),
        ] {
            let problem = self.cast.app.refused(PATH, wish.key, &wish.body(), (422, code)).await?;
            let left = self.balance(&wish, left).await?;
            self.tell(&wish, &format!("no: {}", problem.code), left);
            self.screen.aside(20, &problem.detail);
        }
        Ok(())
    }

    /// The vendor says no: the points come back.
    async fn vendor_refuses(&mut self) -> anyhow::Result<()> {
        let wish = Wish { name: "Ada Quist", number: "31001", product: "concert-refused", key: "ada-1" };
        let by = self.cast.app.clone();
        let told = self.order(&by, &wish).await?;
        expect("the points held for Ada Quist", &number(&told, "/balance/reserved")?, &800)?;
        let ended = self.ends(&wish, text(&told, "/id")?, "failed").await?;
        let left = self.balance(&wish, 1_000).await?;
        self.tell(&wish, "ordered, and the vendor refused", left);
        self.screen.aside(20, text(&ended, "/story/1")?);
        Ok(())
    }

    /// Cancelled while the vendor has not been asked: every point is back, and the same key cancels once.
    async fn cancelled(&mut self) -> anyhow::Result<()> {
        let wish = Wish { name: "Ada Quist", number: "31001", product: "lunch-later", key: "ada-2" };
        let by = self.cast.app.clone();
        let told = self.order(&by, &wish).await?;
        let id = text(&told, "/id")?.to_owned();
        expect("the points held for the lunch", &number(&told, "/balance/reserved")?, &400)?;
        let path = format!("{PATH}/{id}/cancel");
        let why = json!({ "reason": "she is away that day" });
        let first = until("the redemption is there to be cancelled", || async {
            by.order(&path, "ada-2-cancel", &why).await
        })
        .await?;
        let told = body_of(&first)?;
        expect("the points that came back", &number(&told, "/returned")?, &400)?;
        let again = by.order(&path, "ada-2-cancel", &why).await?;
        expect("the repeated cancel's answer", &(again.replayed, &again.body), &(true, &first.body))?;
        let ended = self.ends(&wish, &id, "cancelled").await?;
        let left = self.balance(&wish, 1_000).await?;
        self.tell(&wish, "201 approved, cancelled in time", left);
        self.screen.aside(20, text(&ended, "/story/1")?);
        Ok(())
    }

    /// A vendor who does not answer is asked again, with the same key; what he was asked for is not cancelled.
    async fn slow_vendor(&mut self) -> anyhow::Result<()> {
        let wish = Wish { name: "Dana Whitlock", number: "31004", product: "hamper-slow", key: "dana-2" };
        let by = self.cast.app.clone();
        let told = self.order(&by, &wish).await?;
        let id = text(&told, "/id")?.to_owned();
        self.ends(&wish, &id, "fulfilling").await?;
        let path = format!("{PATH}/{id}/cancel");
        let nothing = json!({});
        let late = self.cast.app.refused(&path, "dana-2-cancel", &nothing, (422, "redemption_state")).await?;
        let ended = self.ends(&wish, &id, "fulfilled").await?;
        expect("the attempt at which the vendor answered", &number(&ended, "/lines/0/attempt")?, &3)?;
        let left = self.balance(&wish, 400).await?;
        self.tell(&wish, "delivered at the third attempt", left);
        self.screen.aside(20, &format!("to cancel it meanwhile was too late: {}", late.detail));
        Ok(())
    }
}
