"""The term that says how group-wise weights are stored."""

import pytest

from zoo.errors import ZooError
from zoo.ncnn.group_wise import (
    QUANTIZE_TERM,
    block_size,
    has_input_scales,
    is_read,
    quantize_term,
    weight_bits,
)
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Gemm, MultiHeadAttention


def with_term(term: int) -> Layer:
    return Layer("Gemm", "x", ("a",), ("b",), {QUANTIZE_TERM: term})


def test_gemm_and_attention_have_the_term_under_one_id():
    assert QUANTIZE_TERM == Gemm.QUANTIZE_TERM == MultiHeadAttention.QUANTIZE_TERM


@pytest.mark.parametrize(
    ("term", "size", "scaled"),
    [
        (800, 32, False),
        (801, 64, False),
        (802, 128, False),
        (810, 32, True),
        (811, 64, True),
        (812, 128, True),
        (400, 32, False),
        (412, 128, True),
        (601, 64, False),
        (610, 32, True),
    ],
)
def test_the_term_says_bits_block_size_and_input_scales(term, size, scaled):
    assert quantize_term(size, scaled, term // 100) == term
    assert block_size(with_term(term)) == size and has_input_scales(with_term(term)) is scaled
    assert weight_bits(with_term(term)) == term // 100


@pytest.mark.parametrize("term", [0, 1, 2, 399])
def test_float_and_int8_by_row_have_no_blocks(term):
    assert weight_bits(with_term(term)) == block_size(with_term(term)) == 0 and not has_input_scales(
        with_term(term)
    )


@pytest.mark.parametrize("term", [420, 500, 603, 803, 820, 900])
def test_other_terms_are_refused(term):
    with pytest.raises(ZooError, match=rf"layer x \(Gemm\): ncnn has no .* of the term 18={term}"):
        block_size(with_term(term))


@pytest.mark.parametrize("turned", [Gemm.TRANS_A, Gemm.OUTPUT_TRANSPOSE])
def test_few_bits_and_transposed_rows_do_not_go_together(turned):
    with_bits = [Layer("Gemm", "x", ("a",), ("b",), {QUANTIZE_TERM: term, turned: 1}) for term in (600, 800)]
    with pytest.raises(ZooError, match=r"layer x \(Gemm\): .* plain rows only"):
        weight_bits(with_bits[0])
    assert weight_bits(with_bits[1]) == 8


@pytest.mark.parametrize(
    ("version", "reads"),
    [("1.0.20261020", True), ("1.0.20261020.1", True), ("1.1.20250101", True), ("1.0.20260526", False)],
)
def test_versions_that_read_blocks(version, reads):
    assert is_read(version) is reads


def test_the_ncnn_of_this_project_reads_them():
    assert is_read()
