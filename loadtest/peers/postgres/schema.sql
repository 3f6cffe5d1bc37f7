-- The whole of a redemption in one function: the strongest plain rival, without HTTP and without projections.
CREATE TABLE accounts (member int PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0));
CREATE TABLE redemptions (key bigint PRIMARY KEY, member int NOT NULL, amount bigint NOT NULL);
INSERT INTO accounts SELECT n, 1000000 FROM generate_series(1, 100000) AS n;

CREATE FUNCTION redeem(asked bigint, who int, price bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO redemptions VALUES (asked, who, price) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'duplicate';
    END IF;
    UPDATE accounts SET balance = balance - price WHERE member = who AND balance >= price;
    IF NOT FOUND THEN
        DELETE FROM redemptions WHERE key = asked;
        RETURN 'rejected';
    END IF;
    RETURN 'accepted';
END $$;

-- Five hundred at a time: members in order, so that two batches never wait for each other in a circle;
-- a row is paid while its member's rows before it and itself are covered.
CREATE FUNCTION redeem_many(first bigint, rows int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    paid bigint;
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS wish (key bigint, member int, amount bigint) ON COMMIT DELETE ROWS;
    INSERT INTO wish
        SELECT CASE WHEN n > 0 AND random() < 0.01 THEN first + n - 1 ELSE first + n END,
               1 + floor(random() * 100000),
               CASE WHEN random() < 0.01 THEN 1000000000 ELSE 1 + floor(random() * 10) END
        FROM generate_series(0, rows - 1) AS n;
    PERFORM FROM accounts WHERE member IN (SELECT wish.member FROM wish) ORDER BY member FOR UPDATE;
    WITH once AS (
        SELECT DISTINCT ON (wish.key) wish.key, wish.member, amount, balance
        FROM wish JOIN accounts USING (member) WHERE amount <= balance ORDER BY wish.key
    ), covered AS (
        SELECT once.key, once.member, amount FROM (
            SELECT *, sum(amount) OVER (PARTITION BY once.member ORDER BY once.key) AS running FROM once
        ) AS once WHERE running <= balance
    ), kept AS (
        INSERT INTO redemptions SELECT key, member, amount FROM covered ON CONFLICT DO NOTHING
        RETURNING member, amount
    ), moved AS (
        UPDATE accounts SET balance = balance - total
        FROM (SELECT kept.member, sum(amount) AS total FROM kept GROUP BY kept.member) AS sums
        WHERE accounts.member = sums.member
    )
    SELECT count(*) INTO paid FROM kept;
    RETURN paid;
END $$;
