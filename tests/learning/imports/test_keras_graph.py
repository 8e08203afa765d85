import pytest

from musqa_pipeline.learning.imports.keras_graph import graph_of


def layer(kind, name, *reads, **config):
    """A layer in the words of Keras 2."""
    inbound = [[[read, 0, 0, {}] for read in reads]] if reads else []
    return {
        "class_name": kind, "name": name, "config": {"name": name, **config},
        "inbound_nodes": inbound,
    }  # fmt: skip


def functional(*layers, outputs=("c",)):
    config = {
        "name": "inner",
        "layers": list(layers),
        "output_layers": [[x, 0, 0] for x in outputs],
    }
    return {"class_name": "Functional", "config": config}


FORK = functional(
    layer("InputLayer", "input_1"),
    layer("Conv2D", "a", "input_1"),
    layer("Conv2D", "b", "input_1"),
    layer("BatchNormalization", "n", "b"),
    layer("Concatenate", "c", "n", "a"),
    layer("Dense", "beside", "a"),
)


def in_a_row(*layers):
    return {"class_name": "Sequential", "config": {"name": "outer", "layers": list(layers)}}


def test_a_model_inside_a_model_of_keras_2_is_laid_open():
    image = layer("InputLayer", "image", batch_input_shape=[None, 8, 8])
    head = layer("Dense", "head")
    graph = graph_of(in_a_row(image, FORK, head))
    reads = {
        node.name: [graph.nodes[number].name for number in node.inputs] for node in graph.nodes
    }
    assert reads == {
        "image": [], "a": ["image"], "b": ["image"], "n": ["b"], "c": ["n", "a"], "beside": ["a"],
        "head": ["c"],
    }  # fmt: skip
    assert graph.nodes[graph.output].name == "head"
    assert {node.name: node.places for node in graph.nodes if node.name in "bnhead"} == {
        "a": ("layers/functional/layers/conv2d", "inner/a"),
        "b": ("layers/functional/layers/conv2d_1", "inner/b"),
        "n": ("layers/functional/layers/batch_normalization", "inner/n"),
        "head": ("layers/dense", "head"),
    }


def test_the_output_need_not_be_the_last_layer():
    graph = graph_of(FORK)
    assert graph.nodes[graph.output].name == "c"


def test_an_image_that_only_the_first_layer_tells_of_is_a_layer():
    graph = graph_of(in_a_row(layer("Dense", "d", batch_input_shape=[None, 8, 8])))
    assert [node.kind for node in graph.nodes] == ["InputLayer", "Dense"]
    assert graph.nodes[0].config == {"batch_shape": [None, 8, 8]}
    assert graph.nodes[1].inputs == (0,)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (in_a_row(), ValueError),
        (functional(layer("InputLayer", "c"), layer("Dense", "d", "c"), outputs="cd"), ValueError),
        (functional(layer("Dense", "c", "d"), layer("Dense", "d", "c")), KeyError),
        ({"config": {"layers": [{"class_name": "Dense"}]}}, KeyError),
        ({"config": 3}, TypeError),
    ],
)
def test_what_is_no_model_with_one_output_is_an_error(model, error):
    with pytest.raises(error):
        graph_of(model)
