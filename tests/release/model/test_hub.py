import json

import pytest
from typer.testing import CliRunner

from musqa_pipeline.cli.model import app
from musqa_pipeline.release.model.hub import hub_card
from musqa_pipeline.scoring.model_file import SHIPPED, ModelFile
from tests.scoring.small_model import write_model


def test_the_hub_reads_the_shipped_models_card_with_its_accuracy():
    hub = pytest.importorskip("huggingface_hub")
    model = ModelFile(SHIPPED)
    done = CliRunner().invoke(app, ["card"])
    assert done.exit_code == 0
    card = hub.ModelCard(done.output)
    assert card.text.strip() == model.card.strip()
    assert (card.data.license, card.data.library_name) == ("apache-2.0", "onnx")
    found = {result.metric_type: result.metric_value for result in card.data.eval_results}
    accuracy = model.record["accuracy"]
    assert found == {"pearsonr": accuracy["pearson"], "rmse": accuracy["rmse"]}


def test_a_model_without_accuracy_has_no_results_and_no_licence_of_ours(tmp_path):
    yaml = pytest.importorskip("yaml")
    path = write_model(tmp_path / "small.onnx")
    done = CliRunner().invoke(app, ["card", str(path)])
    _, head, body = done.output.split("---\n", 2)
    facts = yaml.safe_load(head)
    assert facts["license"] == "other"
    assert "model-index" not in facts
    assert body.strip() == ModelFile(path).card
    assert hub_card(ModelFile(path), "MIT").startswith('---\nlicense: "mit"\n')


@pytest.mark.parametrize("accuracy", [[1], {"pearson": None}, "good", 5])
def test_a_foreign_record_of_accuracy_is_left_out(tmp_path, accuracy):
    path = write_model(tmp_path / "small.onnx", record={"accuracy": accuracy})
    assert "model-index" not in hub_card(ModelFile(path))
    assert json.dumps(accuracy) not in hub_card(ModelFile(path)).split("---")[1]
