using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>The sets that a trainer holds.</summary>
public enum SampleSet
{
    Train = 0,
    Test = 1,
}

/// <summary>
/// A sample of a set and how it is changed on the device, as native/abi.h has it: row y shows row
/// y + <paramref name="TranslateRows"/> + <paramref name="CropRows"/> of the image, columns alike.
/// </summary>
/// <param name="Index">In the set.</param>
/// <param name="Flip">1: mirrored, left and right.</param>
/// <param name="Reflect">1: what lies outside is reflected at the border; 0: it is black.</param>
/// <param name="CutoutTop">The first row that is cut out.</param>
/// <param name="CutoutBottom">The row after the last.</param>
/// <param name="CutoutLeft">The first column.</param>
/// <param name="CutoutRight">The column after the last.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct TrainerSample(
    int Index, int CropRows = 0, int CropColumns = 0, int TranslateRows = 0,
    int TranslateColumns = 0, int Flip = 0, int Reflect = 0, int CutoutTop = 0,
    int CutoutBottom = 0, int CutoutLeft = 0, int CutoutRight = 0);
