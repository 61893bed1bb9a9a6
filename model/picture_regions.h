#pragma once

#include <vector>

namespace sightline::model {

// A rectangle of a picture's cells. A cell is what the network reads as one token: the picture
// divided evenly into rows and columns.
struct CellRect {
  int row = 0;  // of its upper left cell, from 0
  int column = 0;
  int rows = 1;
  int columns = 1;

  bool operator==(const CellRect&) const = default;
};

// What the parts of a picture mean to an encoder.
struct PictureRegions {
  int rows = 0;  // cells of the picture
  int columns = 0;
  std::vector<float> whole;                 // the picture's embedding, as Encoder::Encode gives it
  std::vector<CellRect> regions;            // each cell lies in at least one
  std::vector<std::vector<float>> vectors;  // a region's embedding, one unit vector a region
};

}  // namespace sightline::model
