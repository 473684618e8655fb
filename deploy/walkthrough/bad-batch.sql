-- A batch of the insurance database that its contract refuses: twelve of the demo's cards (all made up) get an area code
-- that no contract knows, and one more a facility code with a slip of the keyboard.
WITH batch AS (
    SELECT card_id FROM card
    WHERE status = 1 AND NOT state_secret AND NOT EXISTS (SELECT FROM card_benefit b WHERE b.card_id = card.card_id)
    ORDER BY card_id LIMIT 12)
INSERT INTO card_benefit (card_id, kind, area_code) SELECT card_id, 'KV', 'K4' FROM batch;

UPDATE card SET facility_code = '0l999' WHERE card_id = 1;
