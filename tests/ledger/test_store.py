"""The store: batches are whole, kept once, and survive being killed."""

import dataclasses
import hashlib

import lance
import pytest

from langit.ledger import store
from langit.ledger.checkpoint import LogCheckpoint, Signer
from langit.ledger.log import leaf_hash, root
from langit.ledger.record import Clip, Source
from langit.ledger.rights import Policy, RightsVerdict
from langit.ledger.rows import to_table
from langit.ledger.store import Ledger


def sha(value):
    return hashlib.sha256(str(value).encode()).hexdigest()


def film(seed, **more):
    said = {
        "kind": "rendered",
        "title": f"film {seed}",
        "content_sha256": sha(seed),
        "licence": "CC0-1.0",
        "generator": "langit.worlds",
        "generator_version": "worlds-1",
        "seed": seed,
    }
    return Source(**(said | more))


def clip(source, mirrored=False):
    return Clip(
        source=source.digest,
        start=0,
        frames=17,
        mirrored=mirrored,
        captions=("a red ball bounces on snow", "sebuah bola merah memantul di atas salju"),
        content_sha256=sha((source.digest, mirrored)),
    )


FILMS = [film(seed) for seed in range(6)]
CLIPS = [clip(source, mirrored) for source in FILMS for mirrored in (False, True)]


@pytest.fixture
def ledger(tmp_path):
    filled = Ledger(tmp_path / "ledger")
    filled.add_sources(FILMS)
    filled.add(CLIPS)
    return filled


def test_an_empty_ledger_is_empty_and_writes_nothing(tmp_path):
    empty = Ledger(tmp_path / "ledger")
    assert empty.size == 0 and empty.root() == root([]) and empty.clips() == () and empty.sources() == ()
    assert not (tmp_path / "ledger").exists()


def test_what_was_entered_is_read_back_in_order(ledger):
    again = Ledger(ledger.path)
    assert again.sources() == tuple(FILMS) and again.clips() == tuple(CLIPS)
    assert again.size == len(FILMS) + len(CLIPS)
    again.check()


def test_the_root_is_over_all_digests_in_order_of_entry(ledger):
    records = [*FILMS, *CLIPS]
    assert ledger.root() == root([leaf_hash(bytes.fromhex(record.digest)) for record in records])
    assert ledger.digests() == tuple(record.digest for record in records)


def test_nothing_is_entered_twice(ledger):
    before = ledger.root()
    assert ledger.add_sources(FILMS) == 0 and ledger.add(CLIPS[::-1]) == 0
    extra = film(100)
    assert ledger.add_sources([extra, FILMS[0], extra]) == 1
    assert ledger.size == len(FILMS) + len(CLIPS) + 1 and ledger.sources()[-1] == extra
    assert Ledger(ledger.path).root() == ledger.root() != before


def test_one_batch_may_hold_all_kinds(tmp_path):
    mixed = Ledger(tmp_path)
    assert mixed.add([FILMS[0], CLIPS[0], FILMS[1], CLIPS[2]]) == 4
    assert mixed.digests() == tuple(record.digest for record in (FILMS[0], CLIPS[0], FILMS[1], CLIPS[2]))
    assert mixed.sources() == (FILMS[0], FILMS[1]) and mixed.clips() == (CLIPS[0], CLIPS[2])


def test_a_clip_without_its_source_is_refused_and_its_batch_with_it(ledger):
    stranger = film(99)
    with pytest.raises(ValueError, match=f"source {stranger.digest} of a clip is not in"):
        ledger.add([film(98), clip(stranger)])
    assert ledger.size == len(FILMS) + len(CLIPS) and film(98) not in ledger.sources()
    with pytest.raises(ValueError, match="revoke by content or url"):
        ledger.revoke(stranger.digest, "asked")


def test_two_open_ledgers_see_each_other(ledger):
    other = Ledger(ledger.path)
    ledger.add_sources([film(50)])
    other.add_sources([film(51), film(50)])
    assert ledger.sources()[-2:] == (film(50), film(51)) and ledger.root() == other.root()


@pytest.mark.parametrize("same", [True, False])
def test_rows_that_were_never_acknowledged_are_not_shown_and_are_cleared(ledger, monkeypatch, same):
    before = ledger.root()
    append = Ledger._append

    def die_before_the_log(self, name, table):
        if name == "log":
            raise KeyboardInterrupt
        append(self, name, table)

    monkeypatch.setattr(Ledger, "_append", die_before_the_log)
    with pytest.raises(KeyboardInterrupt):
        ledger.add([film(60), clip(film(60))])
    monkeypatch.undo()
    assert lance.dataset(str(ledger.path / "source.lance")).count_rows() == len(FILMS) + 1
    again = ledger if same else Ledger(ledger.path)
    assert again.sources() == tuple(FILMS) and again.clips() == tuple(CLIPS) and again.root() == before
    again.add_sources([film(61)])
    assert again.sources() == (*FILMS, film(61)) and again.clips() == tuple(CLIPS)
    assert lance.dataset(str(ledger.path / "clip.lance")).count_rows() == len(CLIPS)
    again.check()


def test_revoking_adds_and_bars(ledger):
    size = ledger.size
    ledger.revoke(FILMS[0].digest, "the owner asked")
    ledger.revoke(CLIPS[3].digest, "a face")
    ledger.revoke(FILMS[4].content_sha256, "by hash", by="content")
    chosen = Ledger(ledger.path).allowed_clips(Policy())
    assert ledger.size == size + 3 and ledger.clips() == tuple(CLIPS) and ledger.sources() == tuple(FILMS)
    barred = {*CLIPS[0:2], CLIPS[3], *CLIPS[8:10]}
    assert chosen.clips == tuple(made for made in CLIPS if made not in barred)
    assert {refusal.clip for refusal in chosen.refused} == barred
    assert {"the owner asked", "a face", "by hash"} == {item.decision.rule.split(": ")[1] for item in chosen.refused}


def test_a_content_hash_bars_what_is_entered_later(ledger):
    ledger.revoke(sha(70), "opted out beforehand", by="content")
    ledger.add([film(70), clip(film(70))])
    assert clip(film(70)) in ledger.clips() and clip(film(70)) not in ledger.allowed_clips(Policy()).clips


def test_clips_of_unknown_rights_are_turned_away_with_the_rule(ledger):
    silent = film(80, licence=None)
    ledger.add([silent, clip(silent)])
    chosen = ledger.allowed_clips(Policy())
    assert chosen.clips == tuple(CLIPS)
    (refusal,) = chosen.refused
    assert refusal.clip == clip(silent) and refusal.decision.verdict is RightsVerdict.UNKNOWN


def test_a_row_changed_behind_the_ledgers_back_is_caught(ledger):
    silent = film(80, licence=None)
    ledger.add([silent, clip(silent)])
    lance.dataset(str(ledger.path / "source.lance")).update({"licence": "'CC0-1.0'"}, where="licence IS NULL")
    with pytest.raises(ValueError, match=r"entry 18 of .*, a source, is missing or was changed"):
        Ledger(ledger.path).allowed_clips(Policy())
    with pytest.raises(ValueError, match=r"entry 18 of .* is missing or was changed"):
        Ledger(ledger.path).check()


def test_checkpoints_are_signed_kept_and_never_contradicted(ledger):
    signer = Signer.generate("langit.example")
    note = ledger.checkpoint("langit.example/films", signer)
    assert LogCheckpoint.parse(note, signer.verifier) == LogCheckpoint(
        "langit.example/films", ledger.size, ledger.root()
    )
    ledger.add_sources([film(90)])
    ledger.checkpoint("langit.example/films", signer)
    with pytest.raises(ValueError, match="not 'elsewhere': keep its origin"):
        ledger.checkpoint("elsewhere", signer)
    with pytest.raises(ValueError, match="no valid signature"):
        ledger.checkpoint("langit.example/films", Signer.generate("langit.example"))
    lance.dataset(str(ledger.path / "log.lance")).delete("entry = 18")
    with pytest.raises(ValueError, match="was cut back"):
        Ledger(ledger.path).checkpoint("langit.example/films", signer)


def test_a_gap_in_the_log_is_named(ledger):
    lance.dataset(str(ledger.path / "log.lance")).delete("entry = 3")
    with pytest.raises(ValueError, match="skips an entry"):
        Ledger(ledger.path)


def test_tables_gain_columns_when_records_gain_fields(ledger, monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Later(Source):
        camera: str | None = None

    shot = Later(**(dataclasses.asdict(film(91)) | {"camera": "still"}))
    monkeypatch.setattr(store, "KINDS", store.KINDS | {"source": Later})
    ledger.add([shot])
    found = ledger.read(Later)
    assert found[-1] == shot and found[0].digest == FILMS[0].digest and len(found) == len(FILMS) + 1
    monkeypatch.undo()
    with pytest.raises(ValueError, match="that this Langit does not know"):
        Ledger(ledger.path).sources()


def test_many_small_appends_are_compacted(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MAX_FRAGMENTS", 4)
    many = Ledger(tmp_path)
    for seed in range(12):
        many.add_sources([film(seed)])
    assert many.sources() == tuple(film(seed) for seed in range(12))
    assert len(lance.dataset(str(tmp_path / "source.lance")).get_fragments()) <= 5
    many.check()


def test_ten_thousand_rows_are_one_commit_of_each_table(tmp_path):
    films = [film(seed) for seed in range(10_000)]
    Ledger(tmp_path).add_sources(films)
    assert Ledger(tmp_path).sources() == tuple(films)
    for name in ("source", "log"):
        assert lance.dataset(str(tmp_path / f"{name}.lance")).version == 1


def test_a_row_that_is_gone_is_missed_not_overlooked(ledger):
    ledger.revoke(FILMS[0].digest, "the owner asked")
    lance.dataset(str(ledger.path / "revocation.lance")).delete("true")
    with pytest.raises(ValueError, match="entry 18 of .* a revocation, is missing"):
        Ledger(ledger.path).allowed_clips(Policy())


def test_rows_at_a_place_that_the_log_gave_to_another_are_not_shown(ledger):
    """As a writer leaves them that slept through its lease and lost."""
    stray = [(2, film(70)), (7, film(71))]
    lance.write_dataset(to_table(Source, stray), str(ledger.path / "source.lance"), mode="append")
    assert Ledger(ledger.path).sources() == tuple(FILMS)
    Ledger(ledger.path).check()
