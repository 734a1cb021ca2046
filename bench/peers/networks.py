"""Networks and optimizers of PyTorch from the text and the settings that this program's engine
reads, so that both sides compute the same."""
import torch


class Residual(torch.nn.Module):
    def __init__(self, branch, shortcut):
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, images):
        return self.branch(images) + self.shortcut(images)


class Scale(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, values):
        return values * self.factor


def batch_norm(options):
    norm = torch.nn.BatchNorm2d(
        int(options["channels"]), float(options["eps"]), float(options["momentum"]))
    if options.get("scale") == "0":
        norm.weight.requires_grad_(False)
    return norm


def convolution(options, frozen):
    n = lambda key: int(options[key])
    layer = torch.nn.Conv2d(
        n("in"), n("out"), n("kernel"), n("stride"), n("padding"), groups=n("groups"),
        bias=options["bias"] == "1")
    layer.weight.requires_grad_(options["name"] not in frozen)
    return layer


def layer(kind, options, frozen):
    n = lambda key: int(options[key])
    if kind == "conv":
        return convolution(options, frozen)
    if kind == "batchnorm":
        return batch_norm(options)
    if kind == "linear":
        return torch.nn.Linear(n("in"), n("out"), bias=options["bias"] == "1")
    if kind == "maxpool":
        return torch.nn.MaxPool2d(n("kernel"), n("stride"), n("padding"))
    if kind == "avgpool":
        return torch.nn.AvgPool2d(n("kernel"), n("stride"), n("padding"))
    if kind == "dropout":
        return torch.nn.Dropout(float(options["p"]))
    if kind == "scale":
        return Scale(float(options["factor"]))
    return {
        "relu": lambda: torch.nn.ReLU(inplace=True),
        "gelu": torch.nn.GELU,
        "flatten": torch.nn.Flatten,
        "globalavgpool": lambda: torch.nn.AdaptiveAvgPool2d(1),
    }[kind]()


def block(lines, frozen):
    """Takes lines up to the end of the block."""
    modules = []
    while lines and lines[0][0] not in ("end", "shortcut"):
        kind, *words = lines.pop(0)
        if kind in ("input", "loss"):
            continue
        if kind == "residual":
            branch, shortcut = block(lines, frozen), torch.nn.Identity()
            if lines.pop(0)[0] == "shortcut":
                shortcut = block(lines, frozen)
                lines.pop(0)
            modules.append(Residual(branch, shortcut))
        else:
            modules.append(layer(kind, dict(word.split("=") for word in words), frozen))
    return torch.nn.Sequential(*modules)


def network_of(settings):
    """The filters of the layers in settings["frozen"] are not trained."""
    lines = [line.split() for line in settings["network"].splitlines() if line.strip()]
    return block(lines, settings.get("frozen", []))


def smoothing_of(settings):
    words = next(
        line.split() for line in settings["network"].splitlines() if line.startswith("loss"))
    return float(words[1].split("=")[1])


def optimizer_of(parameters, settings, **more):
    rate, decay = settings["learning_rate"], settings["weight_decay"]
    if settings["optimizer"] == "sgd":
        return torch.optim.SGD(
            parameters, rate, settings["momentum"], weight_decay=decay,
            nesterov=settings["nesterov"], **more)
    kind = torch.optim.AdamW if settings["optimizer"] == "adamw" else torch.optim.Adam
    return kind(
        parameters, rate, (settings["beta1"], settings["beta2"]), settings["epsilon"], decay,
        **more)
